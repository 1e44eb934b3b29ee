# make          build/twc, build/twrun and the library, build/libtw.a and .so
# make demo     sets up what is missing, builds, compiles the calculator and asks it a few things
# make test     sets up what is missing, builds, runs every test
# The other targets: test-editors editors bless asan report bench exhaustive fuzz hostile fmt install clean setup

CC     ?= cc
CXX    ?= c++
CFLAGS ?= -O2 -g
BUILD  ?= build
PREFIX ?= /usr/local
VERSION = 0.1
SONAME  = libtw.so.0
WARN    = -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wwrite-strings
LIBS    = -lprotobuf-c -lcjson -lm

# Built-in yacc and lex rules would overwrite sources that share a stem.
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

# ONNX's schema, from whichever place the packaged library installs it in.
ONNX_PROTO := $(firstword $(wildcard /usr/include/onnx/onnx.proto) \
	$(shell dpkg -L libonnx-dev 2>/dev/null | grep '/onnx\.proto$$'))

GEN_FRONT := $(BUILD)/grammar.o $(BUILD)/lexer.o
GEN_ONNX  := $(BUILD)/onnx.pb-c.o
objects    = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(addsuffix /*.c,$(1))))

RUNTIME := $(call objects,runtime) $(GEN_ONNX)
FRONTEND := frontend frontend/syntax frontend/lower frontend/editor
IR       := ir ir/pass
BACKEND  := backend backend/circuit backend/map backend/attend backend/layout backend/target/plain backend/file
FOLDERS  := lang $(FRONTEND) $(IR) $(BACKEND) runtime lsp cmd
COMPILER := $(call objects,lang $(FRONTEND) $(IR) $(BACKEND) lsp) $(GEN_FRONT)
TWRUN   := $(addprefix $(BUILD)/cmd/,twrun.o batch.o stats.o npy_input.o cli.o manual.o) \
	$(addprefix $(BUILD)/lang/,arena.o npy.o)
TWC     := $(filter-out $(addprefix $(BUILD)/cmd/,twrun.o batch.o stats.o),$(call objects,cmd))
UNIT    := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*.c))
JUDGE   := $(patsubst tests/model/%.cc,$(BUILD)/model/%,$(wildcard tests/model/*.cc))
TOOLS   := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/differential/*.c)) \
	$(BUILD)/hostile/file $(BUILD)/hostile/prompt $(BUILD)/fuzz/mutate $(BUILD)/fuzz/programs $(patsubst bench/%.c,$(BUILD)/bench/%,$(wildcard bench/*.c))

HOSTILE = file prompt source
SANITIZE = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

COMPILE = @mkdir -p $(@D); \
	echo "  CC    $<"; $(CC) -std=gnu11 $(CFLAGS) $(PIC) $(DEFS) $(WARN) -MMD -MP -I. -I$(BUILD) -c -o $@ $<
LINK    = @mkdir -p $(@D); \
	echo "  LINK  $@"; $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^)

all: $(BUILD)/twc $(BUILD)/twrun $(BUILD)/libtw.a $(BUILD)/$(SONAME)
	@:

$(BUILD)/twc: $(TWC) $(COMPILER) $(RUNTIME)
	$(LINK) $(LIBS)

$(BUILD)/twrun: $(TWRUN) $(RUNTIME)
	$(LINK) -pthread $(LIBS)

$(BUILD)/libtw.a: $(RUNTIME)
	@echo "  AR    $@"
	@rm -f $@
	@$(AR) rcs $@ $^

$(TWC) $(TWRUN): DEFS = -DTW_VERSION='"$(VERSION)"'

# Its objects serve the programs too, so all are position-independent.
$(RUNTIME): PIC = -fPIC
$(BUILD)/runtime/simd_batch.o: PIC += -Wno-psabi
$(BUILD)/$(SONAME): $(RUNTIME) runtime/tw.map
	@echo "  LINK  $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=runtime/tw.map -o $@ \
		$(RUNTIME) $(LIBS)

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(COMPILER) $(RUNTIME)
	$(LINK) -lcmocka $(LIBS)

$(BUILD)/differential/%: $(BUILD)/tests/differential/%.o
	$(LINK)

$(BUILD)/fuzz/mutate: $(BUILD)/tests/fuzz/mutate.o
	$(LINK)

# What programs.c is made of.
FUZZED := $(filter-out %/mutate.o,$(call objects,tests/fuzz)) $(addprefix $(BUILD)/cmd/,program.o cli.o manual.o)
$(BUILD)/fuzz/programs: $(FUZZED) $(COMPILER) $(RUNTIME)
	$(LINK) $(LIBS)

# libFuzzer brings the main program along, so `make hostile` sets DRIVER to nothing.
DRIVER ?= $(BUILD)/tests/hostile/driver.o
$(BUILD)/hostile/source: $(COMPILER) $(addprefix $(BUILD)/cmd/,program.o cli.o manual.o)
$(BUILD)/hostile/%: $(BUILD)/tests/hostile/%.o $(DRIVER) $(RUNTIME)
	$(LINK) $(LIBS)

TREE := $(addprefix lang/editors/tree-sitter/src/,parser.c scanner.c)
$(BUILD)/editors/treesitter: tests/editors/treesitter.c $(TREE)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) -std=gnu11 -O1 -Ilang/editors/tree-sitter/src -o $@ $^ -ltree-sitter

$(BUILD)/bench/speed: $(RUNTIME)
$(BUILD)/bench/%: $(BUILD)/bench/%.o
	$(LINK) $(LIBS)

# The ONNX checker is C++; it judges our files and is no part of the programs.
$(BUILD)/model/%: tests/model/%.cc
	@mkdir -p $(@D)
	@echo "  CXX   $<"
	@$(CXX) -std=c++17 -O1 -DONNX_NAMESPACE=onnx -DONNX_ML=1 -o $@ $< -lonnx -lonnx_proto -lprotobuf

$(BUILD)/%.o: %.c Makefile
	$(COMPILE)

# Generated code is not held to our warnings.
$(GEN_FRONT) $(GEN_ONNX): WARN = -w
$(GEN_FRONT) $(GEN_ONNX): $(BUILD)/%.o: $(BUILD)/%.c Makefile
	$(COMPILE)

$(BUILD)/grammar.c $(BUILD)/grammar.h &: frontend/syntax/grammar.y
	@mkdir -p $(@D)
	@echo "  BISON $<"
	@bison -Wcounterexamples -Werror -o $(BUILD)/grammar.c --header=$(BUILD)/grammar.h $<

$(BUILD)/lexer.c $(BUILD)/lexer.h &: frontend/syntax/lexer.l
	@mkdir -p $(@D)
	@echo "  FLEX  $<"
	@flex -o $(BUILD)/lexer.c --header-file=$(BUILD)/lexer.h $<

$(BUILD)/onnx.pb-c.c $(BUILD)/onnx.pb-c.h &: $(ONNX_PROTO)
	@mkdir -p $(@D)
	@test -n "$<" || { echo "ONNX's schema is missing: run make setup" >&2; exit 1; }
	@echo "  PROTO $<"
	@protoc-c --c_out=$(BUILD) -I$(dir $<) $<

# Whoever may include a generated header waits for it.
$(GEN_FRONT) $(call objects,$(FRONTEND)): | $(BUILD)/grammar.h $(BUILD)/lexer.h
$(call objects,runtime $(BACKEND) cmd lsp) $(UNIT:$(BUILD)/unit/%=$(BUILD)/tests/unit/%.o) $(FUZZED) $(HOSTILE:%=$(BUILD)/tests/hostile/%.o): | $(BUILD)/onnx.pb-c.h

# ---- set-up, tests, figures: each sets up first, then starts make again, which
# sees what has been installed ----

setup:
	@tools/setup

parts: all $(UNIT) $(JUDGE) $(TOOLS)
	@:

test: setup
	@$(MAKE) --no-print-directory parts
	@tests/run.sh $(BUILD)

bless: setup
	@$(MAKE) --no-print-directory parts
	@BLESS=1 tests/run.sh $(BUILD)
	@tools/library >stdlib/README.md

asan: setup
	@$(MAKE) --no-print-directory BUILD=build-asan parts CFLAGS='$(SANITIZE)'
	@ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 SLOW=1 tests/run.sh build-asan

# Editors and tree-sitter are installed for this alone.
test-editors: setup
	@tools/setup --editors
	@$(MAKE) --no-print-directory parts $(BUILD)/editors/treesitter
	@tests/editors/run.sh $(BUILD)

demo: setup
	@$(MAKE) --no-print-directory all
	@tools/demo $(BUILD)

report: setup
	@$(MAKE) --no-print-directory parts
	@bench/report.sh $(BUILD)

bench: setup
	@$(MAKE) --no-print-directory parts
	@bench/run.sh $(BUILD)

exhaustive: setup
	@$(MAKE) --no-print-directory parts
	@tests/exhaustive/run.sh $(BUILD)
	@SAMPLE=10000 tests/differential/run.sh $(BUILD)
	@ORT=1 tests/long.sh $(BUILD)

fuzz: setup
	@$(MAKE) --no-print-directory BUILD=build-asan parts CFLAGS='$(SANITIZE)'
	@N=$(or $(N),3000) tests/fuzz/run.sh build-asan

# libFuzzer on model files, prompts and sources, each for MINUTES.
hostile: setup
	@tools/setup --fuzz
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory BUILD=build-fuzz CC=clang CFLAGS='$(SANITIZE) -fsanitize=fuzzer-no-link' \
		LDFLAGS=-fsanitize=fuzzer DRIVER= $(HOSTILE:%=build-fuzz/hostile/%)
	@tests/hostile/fuzz.sh $(BUILD) build-fuzz $(or $(MINUTES),10)

fmt: all
	@for f in $(wildcard examples/*.tw stdlib/*.tw tests/*/*.tw); do \
		$(BUILD)/twc fmt $$f 2>/dev/null || true; done
	clang-format -i $(wildcard $(addsuffix /*.[ch],$(FOLDERS) examples/c tests/unit tests/differential tests/fuzz tests/hostile bench))

editors:
	@node tools/editors.mjs

install: SHARE = $(DESTDIR)$(PREFIX)/share
install: all
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin include/tw lib/pkgconfig) $(addprefix $(SHARE)/,tw/stdlib \
		man/man1 bash-completion/completions zsh/site-functions fish/vendor_completions.d)
	install $(BUILD)/twc $(BUILD)/twrun $(DESTDIR)$(PREFIX)/bin
	install -m 644 stdlib/*.tw $(SHARE)/tw/stdlib
	for p in twc twrun; do \
		$(BUILD)/$$p --man >$(SHARE)/man/man1/$$p.1 && \
		$(BUILD)/$$p --completions=bash >$(SHARE)/bash-completion/completions/$$p && \
		$(BUILD)/$$p --completions=zsh >$(SHARE)/zsh/site-functions/_$$p && \
		$(BUILD)/$$p --completions=fish >$(SHARE)/fish/vendor_completions.d/$$p.fish || exit; done
	install -m 644 runtime/tw.h runtime/model.h $(DESTDIR)$(PREFIX)/include/tw
	install -m 644 $(BUILD)/libtw.a $(DESTDIR)$(PREFIX)/lib
	install $(BUILD)/$(SONAME) $(DESTDIR)$(PREFIX)/lib
	ln -sf $(SONAME) $(DESTDIR)$(PREFIX)/lib/libtw.so
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' runtime/tw.pc.in >$(DESTDIR)$(PREFIX)/lib/pkgconfig/tw.pc

clean:
	rm -rf build build-asan build-fuzz

.PHONY: all setup parts test test-editors bless asan demo report bench exhaustive fuzz hostile fmt editors install clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
