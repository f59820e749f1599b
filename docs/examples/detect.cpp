/* SPDX-License-Identifier: Apache-2.0 */
// detect FRAME...: frames side by side, on two threads, each with an instance of its own. A frame is raw, as detect.c's.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "biisnet.h"

class Detector {
public:
    Detector() : model_(make(), biisnet_destroy) {}

    /* Target pixels of a frame of grey levels, in the model's own type. */
    std::size_t operator()(const std::vector<char> &frame) {
        if (frame.size() != elements(biisnet_input_rank(0), biisnet_input_shape(0)) * item(biisnet_input_dtype(0)))
            throw std::invalid_argument("a frame of another size than the model's");
        const biisnet_input input = {frame.data(), biisnet_input_dtype(0), 0, 1, 0};
        // of a float network probabilities, of an integer network logits
        return biisnet_output_dtype(0) == BIISNET_INT16 ? count(input, logit_) : count(input, probability_);
    }

private:
    template <class Value>
    std::size_t count(const biisnet_input &input, std::vector<Value> &values) {
        values.resize(elements(biisnet_output_rank(0), biisnet_output_shape(0)));
        const biisnet_output output = {values.data(), biisnet_output_dtype(0)};
        check(biisnet_run(model_.get(), &input, &output));
        return static_cast<std::size_t>(
            std::count_if(values.begin(), values.end(), [](Value value) { return value > biisnet_threshold(); }));
    }
    static std::size_t item(biisnet_dtype dtype) { return dtype == BIISNET_UINT8 ? 1 : sizeof(float); }
    static void check(biisnet_status status) {
        if (status != BIISNET_OK) throw std::runtime_error(biisnet_status_string(status));
    }
    static biisnet_model *make() {
        biisnet_model *model;
        check(biisnet_create(&model, 1));
        return model;
    }
    static std::size_t elements(int32_t rank, const int64_t *shape) {
        return std::accumulate(shape, shape + rank, std::size_t{1}, std::multiplies<>{});
    }

    std::unique_ptr<biisnet_model, void (*)(biisnet_model *)> model_;
    std::vector<float> probability_;
    std::vector<std::int16_t> logit_;
};

static std::vector<char> read(const std::string &path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) throw std::runtime_error("no such file");
    std::vector<char> frame(static_cast<std::size_t>(file.tellg()));
    file.seekg(0).read(frame.data(), static_cast<std::streamsize>(frame.size()));
    return frame;
}

int main(int count, char **arguments) {
    const std::vector<std::string> paths(arguments + 1, arguments + count);
    std::vector<std::string> lines(paths.size());
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    auto work = [&] {
        Detector detect;
        for (std::size_t i; (i = next++) < paths.size();) try {
                lines[i] = paths[i] + ": " + std::to_string(detect(read(paths[i]))) + " pixels are target";
            } catch (const std::exception &e) {
                lines[i] = paths[i] + ": " + e.what();
                failed = true;
            }
    };
    std::thread other(work);
    work();
    other.join();
    for (const auto &line : lines) std::puts(line.c_str());
    return failed;
}
