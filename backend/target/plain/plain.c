/* The plain target: what it can do, in one place. */

#include "backend/target/plain/plain.h"

const Target plain_target = {
	.name = "plain",
	.place_ready = 0,
	.score_max = PLAIN_SCORE_MAX,
	.place_function = place_feature,
	.real_place_function = real_place_feature,
	.place_number = plain_place_number,
	.step_function = plain_step_function,
	.index_division = plain_index_division,
	.lookup = plain_lookup,
	.has_room = plain_has_room,
	.extreme = plain_extreme,
	.write = plain_weights,
	.is_plain = true,
};
