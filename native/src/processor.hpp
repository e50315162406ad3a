// What this x86-64 processor has and its system saves, asked of the processor itself: __builtin_cpu_supports answers
// from the compiler's run-time library, and not every compiler's has it (zig's says no to everything).
#pragma once

#if defined(__x86_64__)
#include <cpuid.h>

namespace gruvy {

struct Processor {
    bool avx2 = false, avx512 = false;  // with FMA and F16C; with F, DQ, VL and BW

    Processor() {
        unsigned a, b, c, d;
        if (!__get_cpuid(1, &a, &b, &c, &d)) return;
        constexpr unsigned needed = 1u << 12 | 1u << 27 | 1u << 28 | 1u << 29;  // FMA, xgetbv, AVX, F16C
        if ((c & needed) != needed) return;
        unsigned saved, high;
        __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
        if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
        constexpr unsigned ymm = 0x06, zmm = 0xe6, f = 1u << 16, dq = 1u << 17, bw = 1u << 30, vl = 1u << 31;
        avx2 = (b & (1u << 5)) && (saved & ymm) == ymm;
        avx512 = avx2 && (b & (f | dq | bw | vl)) == (f | dq | bw | vl) && (saved & zmm) == zmm;
    }
};

}  // namespace gruvy
#endif
