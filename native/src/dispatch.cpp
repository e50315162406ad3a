#include "dispatch.hpp"

#include <stdexcept>

#include "processor.hpp"

namespace gruvy {

const std::vector<Isa> &isas() {
    static const std::vector<Isa> all = [] {
        std::vector<Isa> v;
#if defined(__x86_64__)
        const Processor has;
#if !defined(GRUVY_NO_AVX512)
        v.push_back({"avx512", has.avx512, true, "AVX-512 (F, DQ, VL, BW)", &avx512::kernels32, &avx512::kernels64,
                     avx512::held});
#endif
        v.push_back({"avx2", has.avx2, true, "AVX2 and FMA", &avx2::kernels32, &avx2::kernels64, avx2::held});
#if defined(GRUVY_WITH_WIDE)
        v.push_back({"wide", has.avx2, false, "AVX2 and FMA", &wide::kernels32, &wide::kernels64, wide::held});
#endif
        // Without an instruction for fma, each is a call of a function: right, and slower than NumPy.
        v.push_back({"generic", true, false, "nothing", &generic::kernels32, &generic::kernels64, generic::held});
#else
        v.push_back({"generic", true, true, "nothing", &generic::kernels32, &generic::kernels64, generic::held});
#endif
        return v;
    }();
    return all;
}

const Isa &isa_named(const std::string &name) {
    std::string known;
    for (const Isa &isa : isas()) {
        if (name == isa.name) {
            if (isa.supported) return isa;
            throw std::invalid_argument("this processor lacks " + std::string(isa.what));
        }
        known += (known.empty() ? "" : ", ") + std::string(isa.name);
    }
    throw std::invalid_argument("unknown instruction set, this build has " + known);
}

}  // namespace gruvy
