// usage: check MODEL.onnx...
//
// The ONNX project's own checker, with shape inference in its strict mode.

#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <fstream>
#include <iostream>

static bool
check(const char *path)
{
	std::ifstream in(path, std::ios::binary);
	onnx::ModelProto model;

	if (!model.ParseFromIstream(&in)) {
		std::cerr << path << ": not an ONNX model\n";
		return false;
	}
	try {
		onnx::checker::check_model(model);
		onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(),
		                                   onnx::ShapeInferenceOptions(true, 1, false));
	} catch (const std::exception &e) {
		std::cerr << path << ": " << e.what() << '\n';
		return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	bool ok = argc > 1;

	for (int i = 1; i < argc; i++)
		ok = check(argv[i]) && ok;
	return ok ? 0 : 1;
}
