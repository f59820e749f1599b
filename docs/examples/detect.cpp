/* SPDX-License-Identifier: Apache-2.0 */
// detect FRAME.f32...: frames side by side, on two threads, each with an instance of its own.
#include <atomic>
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

    /* Target pixels of a frame of grey levels. */
    std::size_t operator()(const std::vector<float> &grey) {
        if (grey.size() != elements(biisnet_input_rank(0), biisnet_input_shape(0)))
            throw std::invalid_argument("a frame of another size than the model's");
        probability_.resize(elements(biisnet_output_rank(0), biisnet_output_shape(0)));
        const float *inputs[] = {grey.data()};
        float *outputs[] = {probability_.data()};
        check(biisnet_run(model_.get(), inputs, outputs));
        std::size_t targets = 0;
        for (float p : probability_) targets += p > biisnet_threshold();
        return targets;
    }

private:
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
};

static std::vector<float> read(const std::string &path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) throw std::runtime_error("no such file");
    std::vector<float> values(static_cast<std::size_t>(file.tellg()) / sizeof(float));
    file.seekg(0).read(reinterpret_cast<char *>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
    return values;
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
