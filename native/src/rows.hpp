// Who computes what: the split of a layer over threads, and which rows are active at a step.
#pragma once

#include "tile.hpp"

namespace gruvy::GRUVY_NS {

GRUVY_INLINE bool valid(const Steps &s, Index t, Index b) {
    return (!s.lengths || t < s.lengths[b]) && (!s.mask.p || *s.mask.at(t, b));
}
GRUVY_INLINE bool restarted(const Steps &s, Index t, Index b) { return s.restarts.p && *s.restarts.at(t, b); }

// Threads share the batch where it is large enough: rows never meet, so nothing waits. A small batch is shared by
// hidden units: every step ends with a barrier among the threads of the same rows.
struct Split {
    Index row_parts, unit_parts;

    static Split of(Index B, Index units, Index threads) {
        Split s;
        s.row_parts = most(1, least(threads, B / tuning::rows_of_thread));
        s.unit_parts = most(1, least(threads / s.row_parts, units));
        return s;
    }
    Index threads() const { return row_parts * unit_parts; }
};

// The rows of each part, as evenly as their lengths allow: longest first, each to the part with the least to do.
struct Deal {
    Index *row, *begin;  // part p: row[begin[p]] .. row[begin[p + 1] - 1], in increasing order
    Index *part;         // of each row
    Index *scratch;

    template <class A> static Deal cut(A &arena, Index T, Index B, Index parts) {
        Deal d;
        d.row = arena.template take<Index>(B);
        d.begin = arena.template take<Index>(parts + 1);
        d.part = arena.template take<Index>(B);
        d.scratch = arena.template take<Index>(T + 2 + B + 2 * parts);
        return d;
    }

    void fill(const Steps &steps, Index T, Index B, Index parts) const {
        if (!steps.lengths || parts == 1) {
            for (Index p = 0; p <= parts; p++) begin[p] = p * B / parts;
            for (Index p = 0; p < parts; p++)
                for (Index i = begin[p]; i < begin[p + 1]; i++) row[i] = i, part[i] = p;
            return;
        }
        Index *count = scratch, *order = count + T + 2, *load = order + B, *size = load + parts;
        for (Index t = 0; t < T + 2; t++) count[t] = 0;
        for (Index b = 0; b < B; b++) count[T - steps.lengths[b] + 1]++;
        for (Index t = 0; t <= T; t++) count[t + 1] += count[t];
        for (Index b = 0; b < B; b++) order[count[T - steps.lengths[b]]++] = b;
        for (Index p = 0; p < parts; p++) load[p] = size[p] = 0;
        for (Index i = 0; i < B; i++) {
            Index to = 0;
            for (Index p = 1; p < parts; p++)
                if (load[p] < load[to]) to = p;
            part[order[i]] = to;
            load[to] += steps.lengths[order[i]];
            size[to]++;
        }
        begin[0] = 0;
        for (Index p = 0; p < parts; p++) begin[p + 1] = begin[p] + size[p];
        for (Index p = 0; p < parts; p++) size[p] = begin[p];
        for (Index b = 0; b < B; b++) row[size[part[b]]++] = b;
    }
};

}  // namespace gruvy::GRUVY_NS
