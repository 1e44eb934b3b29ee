#ifndef BACKEND_FILE_ONNX_MESSAGE_H
#define BACKEND_FILE_ONNX_MESSAGE_H

/* ONNX's messages in an arena: what the two writers of .onnx share. */

#include "lang/arena.h"

#include "onnx.pb-c.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw_data is little-endian");

/* A new message of type T: Onnx__T, set up by onnx__t__init. */
#define MESSAGE(arena, T, init) \
	({ \
		T *message_ = NEW(arena, T); \
		init(message_); \
		message_; \
	})

static inline char *
message_text(const char *s)
{
	return (char *)s; /* the messages are only read */
}

/* Version of the format and of the operators, and by whom. */
void onnx_add_opset(Arena *, Onnx__ModelProto *);

#endif
