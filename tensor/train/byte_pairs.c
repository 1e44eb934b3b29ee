/* Cutting a text into pieces, and joining the bytes of a piece.
 *
 * Pieces are those of GPT-2's regular expression, by hand:
 *
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *
 * so that of several spaces before a word the last is the word's. Neighbours that have a merge wait
 * in a heap, the earliest merge first, so that a piece of n bytes takes n log n steps. */

#include "tensor/train/byte_pairs.h"

#include <string.h>

#include "lang/pointer_map.h"
#include "lang/text.h"
#include "tensor/train/character_class.h"
#include "tensor/train/vocabulary.h"

/* ---- the alphabet of bytes ---- */

/* The bytes that a word of a file stands for; -1 where one of its characters stands for none. */
static int
bytes_of_word(const char *word, char *to)
{
	const unsigned char *s = (const unsigned char *)word;
	static short byte_of[0x144];
	int n = 0;

	for (int i = 0; i < 256 && !byte_of[0xff]; i++)
		byte_of[letter_of_byte(i)] = (short)(i + 1);
	while (*s) {
		int c = *s < 0x80             ? *s
		        : (*s & 0xe0) == 0xc0 ? (*s & 0x1f) << 6 | (s[1] & 0x3f)
		                              : -1;
		if (c < 0 || c >= 0x144 || !byte_of[c])
			return -1;
		to[n++] = (char)(byte_of[c] - 1);
		s += *s < 0x80 ? 1 : 2;
	}
	return n;
}

static bool
is_utf8(const char *s, int n)
{
	for (const char *end = s + n; s < end;) {
		int size = character_bytes(s, end);
		if (!*s || (size == 1 && *s & 0x80))
			return false;
		s += size;
	}
	return true;
}

static const char *
show_bytes(Arena *a, const char *s, int n)
{
	TextBuilder t = { .arena = a };

	if (is_utf8(s, n))
		return arena_strn(a, s, (size_t)n);
	for (int i = 0; i < n; i++)
		text_addf(&t, "<0x%02x>", (unsigned char)s[i]);
	return t.s;
}

/* ---- the tables ---- */

static void
name_rows(Arena *a, BytePairs *b)
{
	memset(b->byte, -1, sizeof b->byte);
	for (int i = 0; i < b->n; i++) {
		const char *word = b->spelled[i];
		char *to = arena_alloc(a, strlen(word) + 1);
		int n = bytes_of_word(word, to);
		b->size[i] = n < 0 ? (int)strlen(word) : n;
		b->bytes[i] = n < 0 ? word : to;
		b->shown[i] = show_bytes(a, b->bytes[i], b->size[i]);
		if (n == 1)
			b->byte[(unsigned char)*to] = i;
	}
}

static unsigned
hash_of_pair(int left, int right)
{
	uint64_t x = ((uint64_t)(unsigned)left << 32 | (unsigned)right) * 0x9e3779b97f4a7c15u;

	return (unsigned)(x >> 32);
}

/* Which merge joins them; -1: none. */
static int
find_pair(const BytePairs *b, int left, int right)
{
	unsigned mask = (unsigned)b->nslot - 1, at = hash_of_pair(left, right) & mask;

	for (; b->slot[at]; at = (at + 1) & mask) {
		const BytePair *p = &b->pair[b->slot[at] - 1];
		if (p->left == left && p->right == right)
			return b->slot[at] - 1;
	}
	return -1;
}

static void
index_pairs(Arena *a, BytePairs *b)
{
	for (b->nslot = 16; b->nslot < 2 * b->npair; b->nslot *= 2)
		;
	b->slot = NEWS(a, int, b->nslot);
	for (int i = 0; i < b->npair; i++) {
		const BytePair *p = &b->pair[i];
		unsigned mask = (unsigned)b->nslot - 1, at = hash_of_pair(p->left, p->right) & mask;
		if (find_pair(b, p->left, p->right) >= 0)
			continue;
		while (b->slot[at])
			at = (at + 1) & mask;
		b->slot[at] = i + 1;
	}
}

static int
row_of_word(Arena *a, const Map *rows, const char *s, size_t n)
{
	const char *word = intern_find(a, s, n);

	return word ? (int)(intptr_t)map_get(rows, word) - 1 : -1;
}

/* "Ġ t" */
static bool
read_merge(Arena *a, BytePairs *b, const Map *rows, const char *line, size_t n, const char **why)
{
	const char *gap = memchr(line, ' ', n);
	size_t left = gap ? (size_t)(gap - line) : 0;
	BytePair *p = &b->pair[b->npair];

	*why = arena_fmt(a, "'%.*s' is no merge of two tokens of the vocabulary into a third",
	                 (int)n, line);
	if (!left || left + 1 >= n || memchr(gap + 1, ' ', n - left - 1))
		return false;
	char *made = arena_fmt(a, "%.*s%.*s", (int)left, line, (int)(n - left - 1), gap + 1);
	p->left = row_of_word(a, rows, line, left);
	p->right = row_of_word(a, rows, gap + 1, n - left - 1);
	p->made = row_of_word(a, rows, made, strlen(made));
	b->npair++;
	return p->left >= 0 && p->right >= 0 && p->made >= 0;
}

static int
merge_lines(const char *s)
{
	int n = 1;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

/* The first line of merges.txt is "#version: 0.2". */
static bool
read_merges(Arena *a, BytePairs *b, const Map *rows, const char *merges, const char **why)
{
	b->pair = NEWS(a, BytePair, merge_lines(merges));
	for (const char *s = merges; *s;) {
		size_t line = strcspn(s, "\n"), n = line;
		while (n > 0 && s[n - 1] == '\r')
			n--;
		if (n && !(s == merges && !strncmp(s, "#version", 8))
		    && !read_merge(a, b, rows, s, n, why))
			return false;
		s += line + (s[line] == '\n');
	}
	return true;
}

static void
list_special(Arena *a, BytePairs *b)
{
	bool *made = NEWS(a, bool, b->n);

	for (int i = 0; i < b->npair; i++)
		made[b->pair[i].made] = true;
	for (int i = 0; i < 256; i++)
		if (b->byte[i] >= 0)
			made[b->byte[i]] = true;
	b->special = NEWS(a, int, b->n);
	b->end = -1;
	for (int i = 0; i < b->n; i++) {
		if (made[i] || !b->size[i])
			continue;
		b->special[b->nspecial++] = i;
		if (!strcmp(b->spelled[i], "<|endoftext|>"))
			b->end = i;
	}
}

BytePairs *
byte_pairs_new(Arena *a, int n, const char *const *spelled, const char *merges, const char **why)
{
	BytePairs *b = NEW(a, BytePairs);
	Map rows = { 0 };

	*b = (BytePairs){ .n = n,
		          .spelled = NEWS(a, const char *, n),
		          .bytes = NEWS(a, const char *, n),
		          .size = NEWS(a, int, n),
		          .shown = NEWS(a, const char *, n) };
	for (int i = 0; i < n; i++) {
		b->spelled[i] = intern(a, spelled[i], strlen(spelled[i]));
		*why = arena_fmt(a, "the token '%s' is there twice", spelled[i]);
		if (map_get(&rows, b->spelled[i]))
			return NULL;
		map_put(a, &rows, b->spelled[i], (void *)(intptr_t)(i + 1));
	}
	name_rows(a, b);
	if (!read_merges(a, b, &rows, merges, why))
		return NULL;
	index_pairs(a, b);
	list_special(a, b);
	return b;
}

const char *
byte_pairs_merges(Arena *a, const BytePairs *b)
{
	TextBuilder t = { .arena = a };

	text_add(&t, "", 0);
	for (int i = 0; i < b->npair; i++)
		text_addf(&t, "%s %s\n", b->spelled[b->pair[i].left], b->spelled[b->pair[i].right]);
	return t.s;
}

/* ---- pieces ---- */

/* The class of the character at s, and its length. */
static CharacterClass
class_at(const char *s, const char *end, int *n)
{
	const unsigned char *u = (const unsigned char *)s;

	*n = character_bytes(s, end);
	if (*n == 1)
		return *u < 0x80 ? character_class_of(*u) : CLASS_OTHER;
	uint32_t c = *u & (0xffu >> (*n + 1));
	for (int i = 1; i < *n; i++)
		c = c << 6 | (u[i] & 0x3f);
	return character_class_of(c);
}

/* How long the run of this class is. */
static size_t
run_of_class(const char *s, const char *end, CharacterClass class)
{
	const char *at = s;
	int n;

	while (at < end && class_at(at, end, &n) == class)
		at += n;
	return (size_t)(at - s);
}

static size_t
contraction(const char *s, const char *end)
{
	static const char *const all[] = { "'s", "'t", "'re", "'ve", "'m", "'ll", "'d" };

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		size_t n = strlen(all[i]);
		if ((size_t)(end - s) >= n && !memcmp(s, all[i], n))
			return n;
	}
	return 0;
}

/* Where a run of spaces before something else ends: its last one is left. */
static size_t
run_of_spaces(const char *s, const char *end)
{
	size_t all = run_of_class(s, end, CLASS_SPACE), last = 0, at = 0;
	int n;

	while (at < all) {
		class_at(s + at, end, &n);
		last = at;
		at += (size_t)n;
	}
	return s + all == end || !last ? all : last;
}

static size_t
piece_length(const char *s, const char *end)
{
	bool space = *s == ' ' && s + 1 < end;
	size_t n = contraction(s, end);
	CharacterClass class;
	int size;

	if (n)
		return n;
	class = class_at(s + space, end, &size);
	if (class == CLASS_SPACE)
		return run_of_spaces(s, end);
	return space + run_of_class(s + space, end, class);
}

/* ---- joining ---- */

typedef struct Neighbours {
	int pair, left; /* the merge, and where its left one is */
} Neighbours;

/* The tokens of a piece as a list, and the merges that are possible. */
typedef struct Joiner {
	Arena *arena;
	const BytePairs *b;
	int n, cap;
	int *row, *next, *before; /* (n) row -1: it is part of the one before */
	int nheap, capheap;
	Neighbours *heap; /* (nheap) none stands before heap[(i - 1) / 2] */
} Joiner;

static bool
comes_first(Neighbours x, Neighbours y)
{
	return x.pair != y.pair ? x.pair < y.pair : x.left < y.left;
}

static void
heap_put(Joiner *j, Neighbours x)
{
	GROW(j->arena, j->heap, j->capheap, j->nheap + 1);
	int at = j->nheap++;
	for (; at > 0 && comes_first(x, j->heap[(at - 1) / 2]); at = (at - 1) / 2)
		j->heap[at] = j->heap[(at - 1) / 2];
	j->heap[at] = x;
}

static Neighbours
heap_take(Joiner *j)
{
	Neighbours first = j->heap[0], x = j->heap[--j->nheap];
	int at = 0, low;

	while ((low = 2 * at + 1) < j->nheap) {
		low += low + 1 < j->nheap && comes_first(j->heap[low + 1], j->heap[low]);
		if (!comes_first(j->heap[low], x))
			break;
		j->heap[at] = j->heap[low];
		at = low;
	}
	j->heap[at] = x;
	return first;
}

static void
offer_pair(Joiner *j, int left)
{
	int right = left < 0 ? j->n : j->next[left];
	int pair = right < j->n ? find_pair(j->b, j->row[left], j->row[right]) : -1;

	if (pair >= 0)
		heap_put(j, (Neighbours){ pair, left });
}

/* What was offered may have been joined otherwise since. */
static void
join_pair(Joiner *j, Neighbours x)
{
	const BytePair *p = &j->b->pair[x.pair];
	int right = j->row[x.left] == p->left ? j->next[x.left] : j->n;

	if (right >= j->n || j->row[right] != p->right)
		return;
	j->row[x.left] = p->made;
	j->row[right] = -1;
	j->next[x.left] = j->next[right];
	if (j->next[right] < j->n)
		j->before[j->next[right]] = x.left;
	offer_pair(j, j->before[x.left]);
	offer_pair(j, x.left);
}

static void
joiner_room(Joiner *j, int n)
{
	int cap = j->cap;

	if (n <= j->cap)
		return;
	j->cap = n + cap;
	j->row = NEWS(j->arena, int, j->cap);
	j->next = NEWS(j->arena, int, j->cap);
	j->before = NEWS(j->arena, int, j->cap);
}

/* The rows of a piece, all of whose bytes there are. */
static int
join_piece(Joiner *j, const char *s, int n, int *row)
{
	int count = 0;

	joiner_room(j, n);
	j->n = n;
	for (int i = 0; i < n; i++) {
		j->row[i] = j->b->byte[(unsigned char)s[i]];
		j->next[i] = i + 1;
		j->before[i] = i - 1;
	}
	for (int i = 0; i + 1 < n; i++)
		offer_pair(j, i);
	while (j->nheap)
		join_pair(j, heap_take(j));
	for (int i = 0; i < n; i = j->next[i])
		row[count++] = j->row[i];
	return count;
}

/* ---- a text ---- */

/* The special token that the text begins with, or -1; the longest. */
static int
special_at(const BytePairs *b, const char *s, const char *end)
{
	int best = -1;

	for (int i = 0; i < b->nspecial; i++) {
		int row = b->special[i], n = b->size[row];
		if (n <= end - s && !memcmp(s, b->bytes[row], (size_t)n)
		    && (best < 0 || n > b->size[best]))
			best = row;
	}
	return best;
}

/* Where the next special token is, or the end. */
static const char *
next_special(const BytePairs *b, const char *s, const char *end, int *row)
{
	for (; s < end && b->nspecial; s++)
		if ((*row = special_at(b, s, end)) >= 0)
			return s;
	*row = -1;
	return end;
}

static int
cut_pieces(Joiner *j, const char *s, const char *end, int *row)
{
	int n = 0;

	while (s < end) {
		size_t size = piece_length(s, end);
		n += join_piece(j, s, (int)size, row + n);
		s += size;
	}
	return n;
}

/* Where a byte is that is no token, or the end. */
static const char *
unknown_byte(const BytePairs *b, const char *s, const char *end)
{
	while (s < end && b->byte[(unsigned char)*s] >= 0)
		s++;
	return s;
}

int
byte_pairs_cut(Arena *a, const BytePairs *b, const char *text, size_t size, int *row, size_t *bad)
{
	Joiner j = { .arena = arena_child(a), .b = b };
	const char *end = text + size, *at, *to, *unknown = end;
	int n = 0, special;

	for (at = text; at < end; at = to) {
		to = next_special(b, at, end, &special);
		if ((unknown = unknown_byte(b, at, to)) < to)
			break;
		n += cut_pieces(&j, at, to, row + n);
		if (special >= 0) {
			row[n++] = special;
			to += b->size[special];
		}
	}
	*bad = (size_t)(unknown - text);
	arena_free(j.arena);
	return at < end ? -1 : n;
}
