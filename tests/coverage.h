/* Put in front of every file where coverage is measured (make coverage): a process that ends by
 * _exit, as the child of a fork does, writes down what it ran as well. */

#include <unistd.h>

void __gcov_dump(void);

#define _exit(status) (__gcov_dump(), _exit(status))
