// Which build of the kernels this processor runs.
#pragma once

#include <string>
#include <vector>

#include "engine.hpp"

namespace gruvy {

struct Isa {
    const char *name;
    bool supported;    // by this processor
    bool automatic;    // may be chosen unasked
    const char *what;  // what it needs, in words
    const Kernels<float> *k32;
    const Kernels<double> *k64;
    const HeldKernels *held;  // by Format
};

template <class T> const Kernels<T> &kernels(const Isa &isa);
template <> inline const Kernels<float> &kernels(const Isa &isa) { return *isa.k32; }
template <> inline const Kernels<double> &kernels(const Isa &isa) { return *isa.k64; }

// The builds in this library, best first.
const std::vector<Isa> &isas();

// The build by that name; throws std::invalid_argument, with the reason, if there is none or this processor lacks it.
const Isa &isa_named(const std::string &name);

}  // namespace gruvy
