#ifndef TENSOR_TRAIN_CHARACTER_CLASS_H
#define TENSOR_TRAIN_CHARACTER_CLASS_H

/* What a tokenizer tells apart: letters, numbers, spaces, and all else. */

#include <stdbool.h>
#include <stdint.h>

typedef enum CharacterClass { CLASS_OTHER, CLASS_LETTER, CLASS_NUMBER, CLASS_SPACE } CharacterClass;

CharacterClass character_class_of(uint32_t code_point);

#endif
