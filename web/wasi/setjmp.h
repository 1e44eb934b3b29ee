#ifndef WEB_WASI_SETJMP_H
#define WEB_WASI_SETJMP_H

/* Debian's wasi-libc has no setjmp. Here it is used for one thing: to go back to where running out
 * of memory is an error. In a page that ends the worker instead, which is begun anew (client.js).
 */
typedef int jmp_buf[1];

#define setjmp(here) ((here)[0] = 0)
#define longjmp(here, value) page_out_of_memory()
void page_out_of_memory(void) __attribute__((noreturn));

#endif
