# make          build/twc, build/twrun, build/twprove and the library, build/libtw.a and .so
# make demo     sets up what is missing, builds, shows a calculator and a C program in transformers
# make test     sets up what is missing, builds, runs every test
# make help     all targets
#
# A target's line below that ends in "## text" is one that make help lists.

CC     ?= cc
CXX    ?= c++
CFLAGS ?= -O2 -g
BUILD  ?= build
PREFIX ?= /usr/local
# The one place that says the version is runtime/model.h.
VERSION := $(shell sed -n 's/^.define TW_VERSION "\(.*\)"/\1/p' runtime/model.h)
# Goes up with each release whose runtime/tw.h is another than that before.
SONAME  := libtw.so.3
WARN    = -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wwrite-strings
LIBS    = -lprotobuf-c -lcjson -lm -pthread

# Built-in yacc and lex rules would overwrite sources that share a stem.
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:

# ONNX's schema, from whichever place the packaged library installs it in.
ONNX_PROTO := $(firstword $(wildcard /usr/include/onnx/onnx.proto) \
	$(shell dpkg -L libonnx-dev 2>/dev/null | grep '/onnx\.proto$$'))

GEN_FRONT := $(BUILD)/grammar.o $(BUILD)/lexer.o $(BUILD)/library.o
GEN_TENSOR := $(BUILD)/kernel_prelude.o
GEN_ONNX  := $(BUILD)/onnx.pb-c.o
comma     := ,
objects    = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(addsuffix /*.c,$(1))))

RUNTIME := $(call objects,runtime) $(GEN_ONNX)
FRONTEND := frontend frontend/syntax frontend/lower frontend/editor
IR       := ir ir/pass
TENSOR   := tensor tensor/kernel tensor/train
BACKEND  := backend backend/circuit backend/map backend/attend backend/layout \
	backend/target/plain backend/target/llama backend/file backend/dump backend/verify
FOLDERS  := lang $(FRONTEND) $(IR) $(TENSOR) $(BACKEND) runtime lsp cmd
COMPILER := $(call objects,lang $(FRONTEND) $(IR) $(TENSOR) $(BACKEND) lsp) $(GEN_FRONT) \
	$(GEN_TENSOR)
TWRUN   := $(addprefix $(BUILD)/cmd/,twrun.o line_editor.o batch.o stats.o npy_input.o \
	trace_json.o cli.o manual.o learned_run.o) \
	$(call objects,tensor tensor/kernel tensor/train) $(GEN_TENSOR) \
	$(addprefix $(BUILD)/lang/,arena.o npy.o diag.o pointer_map.o text.o)
TWASM   := $(addprefix $(BUILD)/cmd/,twasm.o wasm_load.o converter.o cli.o manual.o) \
	$(BUILD)/lang/arena.o $(call objects,wasm)
TWC     := $(filter-out $(addprefix $(BUILD)/cmd/,twrun.o line_editor.o batch.o stats.o \
	trace_json.o twasm.o wasm_load.o converter.o learned_run.o),$(call objects,cmd))
UNIT    := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*.c))
JUDGE   := $(patsubst tests/model/%.cc,$(BUILD)/model/%,$(wildcard tests/model/*.cc))
TOOLS   := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/differential/*.c)) \
	$(addprefix $(BUILD)/,hostile/file hostile/prompt hostile/proof bounds/audit fuzz/mutate) \
	$(BUILD)/fuzz/programs $(BUILD)/machines/machines \
	$(patsubst bench/%.c,$(BUILD)/bench/%,$(wildcard bench/*.c))

HOSTILE = file prompt source proof
SANITIZE = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all

COMPILE = @mkdir -p $(@D); \
	echo "  CC    $<"; \
	$(CC) -std=gnu11 -ffp-contract=off $(CFLAGS) $(PIC) $(WARN) -MMD -MP -I. -I$(BUILD) \
		-c -o $@ $<
LINK    = @mkdir -p $(@D); \
	echo "  LINK  $@"; $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^)

all: $(BUILD)/twc $(BUILD)/twrun $(BUILD)/twprove $(BUILD)/twasm $(BUILD)/wasm32.onnx \
	$(BUILD)/libtw.a $(BUILD)/$(SONAME)
	@:

$(BUILD)/twc: $(WITH:%=$(BUILD)/tests/same/%.o) $(TWC) $(COMPILER) $(RUNTIME)
	$(LINK) $(LIBS)

$(BUILD)/twrun: $(TWRUN) $(RUNTIME)
	$(LINK) -pthread $(LIBS)

$(BUILD)/twasm: $(TWASM) $(RUNTIME)
	$(LINK) $(LIBS)

# The machine that twasm runs.
$(BUILD)/wasm32.onnx: $(BUILD)/twc $(wildcard machine/*.tw)
	@echo "  TWC   machine/wasm32.tw"
	@$(BUILD)/twc machine/wasm32.tw --fewest=neurons -o $@

# Shares no code with the others, so that it can prove what they make.
$(BUILD)/twprove: $(call objects,prove)
	$(LINK) -lcjson -lm

$(BUILD)/libtw.a: $(RUNTIME)
	@echo "  AR    $@"
	@rm -f $@
	@$(AR) rcs $@ $^

# Its objects serve the programs too, so all are position-independent.
$(RUNTIME): PIC = -fPIC
$(BUILD)/tensor/kernel/strip_run.o: PIC += -Wno-psabi
$(addprefix $(BUILD)/runtime/,simd_batch.o lanes.o whole_text.o decode_step.o delta_kernels.o \
	neuron_blocks.o): PIC += -Wno-psabi
$(BUILD)/$(SONAME): $(RUNTIME) runtime/tw.map
	@echo "  LINK  $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) \
		-Wl,--version-script=runtime/tw.map -o $@ $(RUNTIME) $(LIBS)

$(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(COMPILER) $(RUNTIME)
	$(LINK) -lcmocka $(LIBS)

# malloc and its kin go through this test, and arenas and pools are of small blocks.
SMALL := lang/arena.o runtime/memory_pool.o
$(BUILD)/small/%.o: DEFS = -DFIRST_CHUNK=256 -DLARGEST_CHUNK=256 -DUSUAL_BLOCK=256
$(BUILD)/small/%.o: %.c Makefile
	$(COMPILE)
$(BUILD)/unit/long_text_test: $(BUILD)/tests/unit/long_text_test.o \
	$(addprefix $(BUILD)/cmd/,program.o cli.o manual.o) \
	$(COMPILER) $(RUNTIME)
	$(LINK) $(LIBS)

$(BUILD)/unit/llama_test: $(BUILD)/tests/unit/llama_test.o \
	$(addprefix $(BUILD)/cmd/,program.o cli.o manual.o) \
	$(COMPILER) $(RUNTIME)
	$(LINK) -lcmocka $(LIBS)

$(BUILD)/unit/allocation_test: $(BUILD)/tests/unit/allocation_test.o \
	$(addprefix $(BUILD)/small/,$(SMALL)) \
	$(filter-out $(addprefix $(BUILD)/,$(SMALL)),$(COMPILER) $(RUNTIME))
	$(LINK) $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc free posix_memalign strdup \
		vasprintf asprintf) \
		-lcmocka $(LIBS)

$(BUILD)/differential/%: $(BUILD)/tests/differential/%.o
	$(LINK)

$(BUILD)/gpt2/tokens: $(BUILD)/tests/gpt2/tokens.o $(COMPILER) $(RUNTIME)
	$(LINK) $(LIBS)

# llama.cpp, which tools/setup --train has put there.
LLAMA = $(abspath build-train/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64)
$(BUILD)/tests/gpt2/llama.o: CFLAGS += -Ibuild-train/llama/include
$(BUILD)/gpt2/llama: $(BUILD)/tests/gpt2/llama.o $(COMPILER) $(RUNTIME)
	$(LINK) $(LIBS) -L$(LLAMA) $(patsubst $(LLAMA)/%,-l:%, \
		$(wildcard $(addprefix $(LLAMA)/,libllama.v*.so libggml.v*.so libggml-base.so))) \
		-Wl,-rpath,$(LLAMA)

$(BUILD)/machines/machines: $(BUILD)/tests/machines/machines.o
	$(LINK)

$(BUILD)/fuzz/mutate: $(BUILD)/tests/fuzz/mutate.o
	$(LINK)

$(BUILD)/bounds/audit: $(BUILD)/tests/bounds/audit.o \
	$(addprefix $(BUILD)/cmd/,program.o cli.o manual.o) \
	$(COMPILER) $(RUNTIME)
	$(LINK) $(LIBS)

# What programs.c is made of.
FUZZED := $(filter-out %/mutate.o,$(call objects,tests/fuzz)) \
	$(addprefix $(BUILD)/cmd/,program.o cli.o manual.o)
$(BUILD)/fuzz/programs: $(FUZZED) $(COMPILER) $(RUNTIME)
	$(LINK) $(LIBS)

# libFuzzer brings the main program along, so `make hostile` sets DRIVER to nothing.
DRIVER ?= $(BUILD)/tests/hostile/driver.o
$(BUILD)/hostile/source: $(COMPILER) $(addprefix $(BUILD)/cmd/,program.o cli.o manual.o)
$(BUILD)/hostile/file $(BUILD)/hostile/proof: $(BUILD)/tests/hostile/change_model.o
$(BUILD)/hostile/proof: $(filter-out %/main.o,$(call objects,prove))
$(BUILD)/hostile/%: $(BUILD)/tests/hostile/%.o $(DRIVER) $(RUNTIME)
	$(LINK) $(LIBS)

TREE := $(addprefix lang/editors/tree-sitter/src/,parser.c scanner.c)
$(BUILD)/editors/treesitter: tests/editors/treesitter.c $(TREE)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) -std=gnu11 -O1 -Ilang/editors/tree-sitter/src -o $@ $^ -ltree-sitter

# The page's module: all but what opens files, waits, forks and learns, which web/*.c stands for.
# That of the machine's page runs WebAssembly, and has no language server.
WEB_DEPS := $(addprefix $(BUILD)/deps/,cjson/cJSON.o protobuf-c/protobuf-c.o)
WEB_LACKS := frontend/disk.o backend/inspect.o backend/file/tensor_onnx.o \
	$(addprefix lsp/,json_rpc.o loop.o background_jobs.o) \
	$(addprefix frontend/lower/,float_%.o index_range.o)
WEB_BOTH := $(filter-out $(addprefix $(BUILD)/,$(WEB_LACKS)) $(call objects,$(TENSOR)) \
	$(GEN_TENSOR),$(COMPILER)) $(RUNTIME) $(WEB_DEPS) \
	$(addprefix $(BUILD)/cmd/,program.o test.o json.o trace_json.o) \
	$(filter-out %page_machine.o %page_server.o %page_delta.o,$(call objects,web))
WEB_WASM := $(addprefix $(BUILD)/wasm/,library.o lower.o machine.o module.o program.o spell.o)
WASI     := /usr/lib/wasm32-wasi
$(BUILD)/tw.wasm: $(filter-out $(BUILD)/runtime/delta%,$(WEB_BOTH)) \
	$(addprefix $(BUILD)/web/,page_server.o page_delta.o)
$(BUILD)/machine.wasm: $(WEB_BOTH) $(WEB_WASM) $(BUILD)/web/page_machine.o
$(BUILD)/tw.wasm $(BUILD)/machine.wasm:
	@echo "  LINK  $@"
	@$(CC) -nostdlib -mexec-model=reactor -L$(WASI) -o $@ $(WASI)/crt1-reactor.o \
		$^ -lc -lm -lwasi-emulated-mman \
		$(firstword $(wildcard /usr/lib/llvm-*/lib/clang/*/lib/wa*/libclang_rt.builtins*.a)) \
		-Wl,-z,stack-size=1048576 -Wl,--stack-first -Wl,--gc-sections -Wl,--strip-all
	@wasm-opt -Oz --converge --enable-simd --enable-sign-ext \
		--enable-nontrapping-float-to-int --enable-bulk-memory $@ -o $@

$(BUILD)/bench/speed $(BUILD)/bench/kinds: $(RUNTIME)
$(BUILD)/bench/learned: $(COMPILER) $(RUNTIME)
$(BUILD)/bench/%: $(BUILD)/bench/%.o
	$(LINK) $(LIBS)

# The ONNX checker is C++; it judges our files and is no part of the programs.
$(BUILD)/model/%: tests/model/%.cc
	@mkdir -p $(@D)
	@echo "  CXX   $<"
	@$(CXX) -std=c++17 -O1 -DONNX_NAMESPACE=onnx -DONNX_ML=1 -o $@ $< \
		-lonnx -lonnx_proto -lprotobuf

$(BUILD)/%.o: %.c Makefile
	$(COMPILE)

# Generated code, and that of others, is not held to our warnings.
$(GEN_FRONT) $(GEN_TENSOR) $(GEN_ONNX) $(WEB_DEPS): WARN = -w
$(GEN_FRONT) $(GEN_TENSOR) $(GEN_ONNX) $(WEB_DEPS): $(BUILD)/%.o: $(BUILD)/%.c Makefile
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

$(BUILD)/library.c: tools/embed $(wildcard stdlib/*.tw)
	@mkdir -p $(@D)
	@echo "  EMBED stdlib"
	@tools/embed $(filter %.tw,$^) >$@

PRELUDE := $(addprefix tensor/kernel/,vectors.h gemm.h vector_product.h gemm_tiles.h)
$(BUILD)/kernel_prelude.c: tools/embed $(PRELUDE)
	@mkdir -p $(@D)
	@echo "  EMBED kernels"
	@tools/embed --text kernel_prelude $(PRELUDE) >$@

# Whoever may include a generated header waits for it.
$(GEN_FRONT) $(call objects,$(FRONTEND)): | $(BUILD)/grammar.h $(BUILD)/lexer.h
$(call objects,runtime $(BACKEND) cmd lsp web) $(FUZZED) \
$(UNIT:$(BUILD)/unit/%=$(BUILD)/tests/unit/%.o) \
$(HOSTILE:%=$(BUILD)/tests/hostile/%.o) $(BUILD)/tests/hostile/change_model.o \
$(BUILD)/tests/bounds/audit.o: | $(BUILD)/onnx.pb-c.h

# ---- set-up, tests, figures: each sets up first, then starts make again, which
# sees what has been installed ----

AGAIN = @$(MAKE) --no-print-directory
ASAN  = BUILD=build-asan CFLAGS='$(SANITIZE)'
COV   = BUILD=build-cov \
	CFLAGS='-Og -g --coverage -D_GNU_SOURCE= -include tests/coverage.h'

parts: all $(UNIT) $(JUDGE) $(TOOLS)
	@:

setup: ## installs what building and testing need and this machine lacks
	@tools/setup

demo: setup ## compiles the calculator and asks it a few things; a C program in a transformer
	$(AGAIN) all
	@tools/demo $(BUILD)

test: setup ## every test, ending in "N passed, N failed"
	$(AGAIN) parts
	@tests/run.sh $(BUILD)

# llama.cpp, torch and HuggingFace's tokenizers are installed for this alone.
test-engines: setup ## models in other engines: llama.cpp, torch, HuggingFace's tokenizers
	@tools/setup --engines
	$(AGAIN) all
	@tests/engines/run.sh $(BUILD)

# SUITE=DIR: the official suite too, as tests/wasm/judge.sh says.
test-wasm: setup ## programs in the WebAssembly machine against node; SUITE=DIR, N=100 random ones
	@tools/setup --wasm
	$(AGAIN) all
	@tests/wasm/judge.sh $(BUILD) '$(SUITE)' $(or $(N),100)

# What GPT-2 is held against; llama.cpp, where there is one for this machine.
beside-gpt2: all $(BUILD)/gpt2/tokens $(if $(wildcard $(LLAMA)/*),$(BUILD)/gpt2/llama)

# Books and digits are installed for this alone.
test-train: setup ## training on real data; GPT-2 beside llama.cpp; FULL=1: as long as it takes
	@tools/setup --train
	$(AGAIN) beside-gpt2
	@FULL='$(FULL)' tests/train/real.sh $(BUILD)

# Editors and tree-sitter are installed for this alone.
test-editors: setup ## the language server in real editors
	@tools/setup --editors
	$(AGAIN) parts $(BUILD)/editors/treesitter
	@tests/editors/run.sh $(BUILD)

asan: setup ## every test under ASan and UBSan
	$(AGAIN) $(ASAN) parts
	@ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 SLOW=1 LIMIT=120 \
		TEST_CFLAGS=-fsanitize=address,undefined tests/run.sh build-asan

# The page, from the compiler as a module: clang's own headers and wasi-libc's stand before all
# others. Needs node 20.19 or newer (vite).
WEB = BUILD=build-web CC='clang --target=wasm32-wasi' CFLAGS='-Oz -flto -msimd128 -msign-ext \
	-mnontrapping-fptoint -nostdlibinc -isystem /usr/include/wasm32-wasi -Iweb/wasi \
	-Ibuild-web/deps -include prelude.h -D_WASI_EMULATED_MMAN'
web: ## playground.html and machine.html in build-web/page, each one file that opens from disk
	@tools/setup --web
	+$(AGAIN) $(WEB) build-web/tw.wasm build-web/machine.wasm
	@cd web && node_modules/.bin/vite build --logLevel=warn
	@cd web && TW_PAGE=machine node_modules/.bin/vite build --logLevel=warn
	@ls -l build-web/page/*.html | awk '{ print $$5, "bytes in", $$9 }'

web-serve: web ## the same at http://localhost:8000, for other machines and phones
	@node web/serve.mjs

vsix: web ## the VS Code extension with the playground inside: build-web/tw.vsix
	@node tools/vsix.mjs build-web/tw.vsix build-web/page/playground.html
	@ls -l build-web/tw.vsix | awk '{ print $$5, "bytes in", $$9 }'

# CHROMIUM names another browser than Debian's.
test-web: web ## the page in a real browser, and its module against twc
	$(AGAIN) all
	@node web/tests/module.mjs $(BUILD)
	@node web/tests/page.mjs $(BUILD)

bench-web: web ## what the page takes in a real browser, beside what it may take
	@node web/bench.mjs

check-format: ## is all C laid out by clang-format 14, and nothing wider than 100 columns
	@tools/setup --format
	@tools/format --check

# The compiler as it is built here against other builds of it. One has an unsigned char, as
# ARM has. i386 has a size_t of 32 bits; SSE, since its older arithmetic is of another
# precision. Its libraries are in build-i386 (tools/setup). WITH names what of tests/same is
# linked too: a division of __int128 for i386, a sort that reverses equal keys.
I386 := $(filter amd64,$(shell dpkg --print-architecture 2>/dev/null))
SAME := $(addprefix build-same-,gcc-O0 clang-O2 clang-O0 $(if $(I386),i386))
same-bytes: setup ## the same files from gcc and clang, -O0 and -O2, 64 and 32 bits
	@tools/setup --same-bytes
	$(AGAIN) $(BUILD)/twc
	$(AGAIN) BUILD=build-same-gcc-O0 CC=gcc CFLAGS=-O0 WITH=qsort build-same-gcc-O0/twc
	$(AGAIN) BUILD=build-same-clang-O2 CC=clang CFLAGS=-O2 build-same-clang-O2/twc
	$(AGAIN) BUILD=build-same-clang-O0 CC='clang -funsigned-char' CFLAGS=-O0 \
		build-same-clang-O0/twc
ifneq ($(I386),)
	$(AGAIN) BUILD=build-same-i386 CC='clang -m32 -msse2 -fforce-enable-int128' CFLAGS=-O2 \
		LDFLAGS='-Lbuild-i386 -Wl,-rpath,$(CURDIR)/build-i386' WITH=int128 \
		build-same-i386/twc
endif
	@tests/same_bytes.sh $(BUILD) $(SAME)

# Needs root; RELEASES='bookworm trixie'.
test-bare: ## on a new Debian with make, gcc and git alone: demo, test, install, uninstall
	@tools/setup --bare
	@tests/bare.sh $(RELEASES)

check-commits: ## are the subjects of new commits short, and of one form
	@tools/commits

exhaustive: setup ## the adder and the calculator on all their inputs; long texts in ONNX Runtime
	$(AGAIN) parts
	@tests/exhaustive/run.sh $(BUILD)
	@SAMPLE=10000 tests/differential/run.sh $(BUILD)
	@ORT=1 tests/long.sh $(BUILD)

coverage: setup ## which lines make test runs, by folder, and which functions never
	$(AGAIN) $(COV) parts
	@find build-cov -name '*.gcda' -delete
	-@TEST_CFLAGS=--coverage SLOW=1 LIMIT=300 tests/run.sh build-cov
	@tools/coverage build-cov

mutants: setup ## would tests notice a wrong proof? one-line changes to it; N=8: eight of them
	$(AGAIN) parts
	@N=$(N) tools/mutants $(BUILD)

# The mutants of models; `mutants` are those of the proof's own code.
test-check: setup ## would twprove notice? N changed models (N=1000) against ONNX Runtime
	$(AGAIN) parts
	@tests/prove/mutants.sh $(BUILD) $(or $(N),1000)

mutants-models: test-check ## the same; N=10000

fuzz: setup ## N random programs (N=3000), compiled and run in every way
	$(AGAIN) $(ASAN) parts
	@N=$(or $(N),3000) tests/fuzz/run.sh build-asan

fuzz-machines: ## N random folds, automata, tables, machines (N=1000), in 10 s and 1 GB
	$(AGAIN) parts
	@N=$(or $(N),1000) tests/machines/run.sh $(BUILD)

hostile: setup ## libFuzzer on model files, prompts and sources, each for MINUTES (10)
	@tools/setup --fuzz
	$(AGAIN) all
	$(AGAIN) BUILD=build-fuzz CC=clang CFLAGS='$(SANITIZE) -fsanitize=fuzzer-no-link' \
		LDFLAGS=-fsanitize=fuzzer DRIVER= $(HOSTILE:%=build-fuzz/hostile/%)
	@tests/hostile/fuzz.sh $(BUILD) build-fuzz $(or $(MINUTES),10)

# Everything that takes longer than a change can wait for; goes on after a failure.
nightly: ## the long rounds of all of these, and test-bare
	@failed=; \
	for target in exhaustive mutants 'test-check N=10000' 'fuzz N=10000' \
		'fuzz-machines N=20000' 'hostile MINUTES=20' test-bare; do \
		echo "== make $$target"; \
		$(MAKE) --no-print-directory $$target || failed="$$failed; make $$target"; \
	done; \
	test -z "$$failed" || { echo "failed$$failed" >&2; exit 1; }

bless: setup ## accepts what the tests print now as what they should; read the diff
	$(AGAIN) parts
	@BLESS=1 tests/run.sh $(BUILD)
	@tools/library >stdlib/README.md

report: setup ## sizes of the examples, and what compiling costs
	$(AGAIN) parts
	@bench/report.sh $(BUILD)

bench: setup ## speed, beside ONNX Runtime on the same files
	$(AGAIN) parts
	@bench/run.sh $(BUILD)

bench-train: setup ## training beside PyTorch and BLIS, GPT-2 beside llama.cpp
	@tools/setup --bench-train
	$(AGAIN) beside-gpt2 $(BUILD)/bench/learned
	@bench/train.sh $(BUILD)

learned-figures: setup ## the tables of examples/learned/README.md: exact weights under training
	$(AGAIN) all
	@bench/learned_figures.sh $(BUILD)

bench-machine: setup ## C programs in the WebAssembly machine, natively, in node and in ONNX Runtime
	$(AGAIN) all
	@bench/machine.sh $(BUILD)

house: ## figures of the code: functions, their lengths, names with several meanings
	@tools/names

fmt: all ## lays out C and .tw in the one style
	@tools/setup --format
	@for f in $(wildcard examples/*.tw stdlib/*.tw tests/*/*.tw); do \
		$(BUILD)/twc fmt $$f 2>/dev/null || true; done
	@tools/format

editors: ## the editors' word lists and grammars, from the operators' table
	@node tools/editors.mjs

PLACE = PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)'
install: all ## programs, library, manual, completions, editors' files under PREFIX and DESTDIR
	@$(PLACE) VERSION=$(VERSION) SONAME=$(SONAME) tools/install $(BUILD)

uninstall: ## takes away what install put under PREFIX and DESTDIR
	@$(PLACE) tools/install --remove

clean: ## removes everything built
	rm -rf build build-asan build-cov build-fuzz build-i386 build-same-* build-bare \
		build-train build-web

help: ## this list
	@echo 'make: builds $(BUILD)/twc, twrun, twprove and the library. The other targets:'
	@sed -n 's/^\([a-z-]*\):[^=].*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
		expand -t 15

.PHONY: all parts setup demo test test-train bench-train learned-figures beside-gpt2 \
	web web-serve vsix test-web bench-web test-editors test-engines asan \
	check-format check-commits same-bytes test-bare exhaustive coverage mutants test-check \
	mutants-models fuzz fuzz-machines hostile nightly bless report bench bench-machine house \
	fmt editors install uninstall clean help
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
