/* Files as the operating system has them. In a page, where there is none, web/page_files.c stands
 * in place of this file: nothing else of the frontend and of the language server opens one.
 *
 * Between opening and closing nothing is allocated in the arena, which may leave by a jump. */

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/frontend.h"

enum { FILE_MAX = 16 << 20 };

char *
file_text(Arena *arena, const char *path, size_t *len)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return NULL;
	size_t size = (size_t)st.st_size, n = 0;
	char *text = arena_alloc(arena, size + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : 1;

	while (n < size && got > 0)
		if ((got = read(fd, text + n, size - n)) > 0)
			n += (size_t)got;
	if (fd >= 0)
		close(fd);
	*len = n;
	return got < 0 ? NULL : text;
}

/* A language server asks for the same file again and again, so the last one stays where it is. */
const char *
file_bytes(Arena *arena, const char *path, size_t *n)
{
	static struct stat last;
	static void *bytes = MAP_FAILED;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	(void)arena;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0) {
		close(fd);
		return NULL;
	}
	*n = (size_t)st.st_size;
	if (bytes == MAP_FAILED || st.st_dev != last.st_dev || st.st_ino != last.st_ino
	    || st.st_size != last.st_size || st.st_mtim.tv_sec != last.st_mtim.tv_sec
	    || st.st_mtim.tv_nsec != last.st_mtim.tv_nsec)
		bytes = mmap(NULL, *n, PROT_READ, MAP_PRIVATE, fd, 0);
	last = st;
	close(fd);
	return bytes == MAP_FAILED ? NULL : bytes;
}

bool
file_exists(const char *path)
{
	return !access(path, R_OK);
}

/* "digits.tw" ends in ".tw", and so adds "digits" and a NUL to the list. */
static size_t
add_name(char *list, size_t n, size_t size, const char *name, const char *ending)
{
	size_t len = strlen(name), cut = strlen(ending);

	if (len <= cut || strcmp(name + len - cut, ending) || n + len - cut + 1 > size)
		return n;
	memcpy(list + n, name, len - cut);
	list[n + len - cut] = '\0';
	return n + len - cut + 1;
}

const char **
files_in(Arena *arena, const char *folder, const char *ending)
{
	DIR *dir = opendir(folder);
	char list[8192]; /* names, each with its NUL */
	size_t n = 0, count = 0;

	for (struct dirent *e; dir && (e = readdir(dir));)
		n = add_name(list, n, sizeof list, e->d_name, ending);
	if (dir)
		closedir(dir);
	const char **name = NEWS(arena, const char *, n + 1);
	for (size_t at = 0; at < n; at += strlen(list + at) + 1)
		name[count++] = arena_strn(arena, list + at, strlen(list + at));
	return name;
}
