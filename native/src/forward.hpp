// All steps of one layer in one direction.
#pragma once

#include "cell.hpp"
#include "rows.hpp"
#include "team.hpp"
#include "workspace.hpp"

namespace gruvy::GRUVY_NS {

template <class T, class S = T> struct Forward {
    static constexpr int L = Vec<T>::lanes;
    const ForwardArgs<T> &args;
    Shape s;
    Split split;
    Cell<T, S> cell;
    Index padded, chunk;  // H in whole vectors; steps between which the input products are made
    Index active;         // rows of a part, at most
    bool pieces;          // shared out in pieces: see Pieces
    T *zeros, *states, *z, *rh, *input_sums;
    const T **current;  // per thread and row: where the row's state is
    Row<T> *rows;       // per thread: the active rows of the steps of a chunk
    Index *row_begin;   // per thread: where each step's rows begin
    Deal deal;
    Barrier all, *barrier;  // of every thread; of the threads of each row part

    explicit Forward(const ForwardArgs<T> &arguments) : args(arguments), s(args.shape) {
        const Index blocks = blocks_of(s.H, L), threads = most(1, args.threads);
        pieces = s.T == 1 && args.packed && threads > 1 && blocks >= 4 * threads;
        split = pieces ? Split{1, threads} : Split::of(s.B, blocks, threads);
        padded = blocks_of(s.H, L) * L;
        cell.I = s.I, cell.H = s.H, cell.keeps = args.convention.keeps;
        Index share = blocks_of(s.B, split.row_parts);
        active = args.steps.lengths ? s.B : share;
        Index bytes = 3 * s.H * (s.I + s.H) * Index(sizeof(S));
        cell.fused = s.I <= tuning::few_inputs || (share >= tuning::few_rows && bytes <= tuning::weights_near);
        cell.sums_stride = args.gates.p ? s.H : padded;
        chunk = most(1, least(s.T, tuning::input_rows / most(1, share)));
    }

    void cut(Arena &arena) {
        Index threads = split.threads();
        if (!args.packed) cell.panels = Panels<T, S>::cut(arena, s, args.convention);
        zeros = arena.take<T>(padded);
        states = arena.take<T>(2 * s.B * padded);
        bool before = !args.convention.after;
        z = before && !args.gates.p ? arena.take<T>(s.B * padded) : nullptr;
        rh = before ? arena.take<T>(s.B * padded) : nullptr;
        input_sums = !cell.fused && !args.gates.p ? arena.take<T>(chunk * s.B * 3 * padded) : nullptr;
        current = arena.take<const T *>(threads * s.B);
        rows = arena.take<Row<T>>(threads * chunk * active);
        row_begin = arena.take<Index>(threads * (chunk + 1));
        deal = Deal::cut(arena, s.T, s.B, split.row_parts);
        barrier = arena.take<Barrier>(split.row_parts);
    }

    void run() {
        if (s.B == 0) return;
        Arena arena;
        cut(arena);
        char *block = static_cast<char *>(workspace_take(arena.used));
        arena = Arena{block};
        cut(arena);
        if (args.packed) cell.panels = Panels<T, S>::cut_block(const_cast<T *>(args.packed), s, args.convention);
        for (Index j = 0; j < padded; j++) zeros[j] = 0;
        for (Index p = 0; p < split.row_parts; p++) barrier[p] = Barrier();
        deal.fill(args.steps, s.T, s.B, split.row_parts);
        if (pieces) shared();
        const bool done = pieces || run_team(*this, split.threads());
        workspace_give(block);
        if (!done) {
            ForwardArgs<T> alone = args;
            alone.threads = 1;
            Forward(alone).run();
        }
    }

    // One step in pieces of some units, which the threads take as they come: each its own part first, then what is left
    // of the others'. A thread that is late finds nothing left to do.
    struct Pieces {
        static constexpr Index most = 64;
        Forward &whole;
        const Row<T> *rows;
        Index count, number, phases;
        int taken[2][most] = {};
        Count done[2] = {};

        Index begin(Index piece) const { return piece * whole.cell.panels.blocks / number; }

        void work(Index thread, Index threads) {
            for (Index phase = 0; phase < phases; phase++) {
                const Index start = thread * number / threads;
                for (Index i = 0; i < number; i++) {
                    const Index piece = start + i < number ? start + i : start + i - number;
                    if (__atomic_exchange_n(&taken[phase][piece], 1, __ATOMIC_RELAXED)) continue;
                    whole.piece(rows, count, begin(piece), begin(piece + 1), phase);
                    if (phase + 1 < phases) done[phase].add();
                }
                if (phase + 1 < phases) done[phase].wait(int(number));
            }
        }
    };

    void shared() {
        const Index first = deal.begin[0], last = deal.begin[1];
        for (Index i = first; i < last; i++) current[deal.row[i]] = args.h ? args.h + deal.row[i] * s.H : zeros;
        scan(0, 0, true, 0, 1);
        if (Index count = row_begin[1]) {
            // As many panels at a time as a tile of one row takes.
            const Index number = least(Pieces::most, cell.panels.blocks / 4);
            Pieces team{*this, rows, count, number, cell.panels.gates == 3 ? 1 : 2};
            helped(int(split.unit_parts), [](void *self, int thread, int threads) {
                static_cast<Pieces *>(self)->work(thread, threads);
            }, &team);
        }
        for (Index i = first; i < last; i++) {
            Index b = deal.row[i];
            for (Index j = 0; j < s.H; j++) args.h_last[b * s.H + j] = current[b][j];
        }
    }

    // The units of blocks [first, last): all of a step with reset after, one of its two phases with reset before.
    void piece(const Row<T> *r, Index count, Index first, Index last, Index phase) const {
        if (!cell.fused && phase == 0) inputs(r, count, first, last);
        const Index blocks = cell.panels.blocks;
        if (cell.panels.gates == 3) {
            cell.after(r, count, first, last);
        } else if (phase == 0) {
            cell.before_gates(r, count, first, last);
            cell.before_gates(r, count, blocks + first, blocks + last);
        } else {
            cell.before_state(r, count, first, last);
        }
    }

    void work(Index thread) {
        Index row_part = thread / split.unit_parts, unit_part = thread % split.unit_parts;
        Index first = unit_part * cell.panels.blocks / split.unit_parts;
        Index last = (unit_part + 1) * cell.panels.blocks / split.unit_parts;
        if constexpr (std::is_same_v<S, T>) {
            if (!args.packed) {
                Index n = split.threads(), blocks = cell.panels.blocks;
                cell.panels.fill(args.weights, s, thread * blocks / n, (thread + 1) * blocks / n);
                meet(n);
            }
        }
        const T **at = current + thread * s.B;
        for (Index i = deal.begin[row_part]; i < deal.begin[row_part + 1]; i++) {
            Index b = deal.row[i];
            at[b] = args.h ? args.h + b * s.H : zeros;
        }
        const Row<T> *mine = rows + thread * chunk * active;
        const Index *start = row_begin + thread * (chunk + 1);
        for (Index from = 0; from < s.T; from += chunk) {
            Index steps = least(chunk, s.T - from);
            scan(thread, row_part, unit_part == 0, from, steps);
            if (!cell.fused) inputs(mine, start[steps], first, last);
            for (Index i = 0; i < steps; i++) {
                Index count = start[i + 1] - start[i];
                if (count) step(mine + start[i], count, first, last, row_part);
            }
        }
        Index end = least(last * L, s.H);
        for (Index i = deal.begin[row_part]; i < deal.begin[row_part + 1]; i++) {
            Index b = deal.row[i];
            for (Index j = first * L; j < end; j++) args.h_last[b * s.H + j] = at[b][j];
        }
    }

    void inputs(const Row<T> *r, Index count, Index first, Index last) const {
        if (cell.panels.gates == 3) {
            cell.template inputs<3>(r, count, first, last);
        } else {
            for (Index g = 0; g < 3; g++)
                cell.template inputs<1>(r, count, g * cell.panels.blocks + first, g * cell.panels.blocks + last);
        }
    }

    void step(const Row<T> *r, Index count, Index first, Index last, Index row_part) {
        if (cell.panels.gates == 3) {
            cell.after(r, count, first, last);
        } else {
            Index blocks = cell.panels.blocks;
            if (last - first == blocks) {
                cell.before_gates(r, count, 0, 2 * blocks);
            } else {
                cell.before_gates(r, count, first, last);
                cell.before_gates(r, count, blocks + first, blocks + last);
            }
            wait(row_part);
            cell.before_state(r, count, first, last);
        }
        wait(row_part);
    }

    // The rows that are active at `steps` steps from `from` on, in order of processing; what is not active becomes 0.
    void scan(Index thread, Index row_part, bool owner, Index from, Index steps) {
        const T **at = current + thread * s.B;
        Row<T> *out = rows + thread * chunk * active;
        Index *start = row_begin + thread * (chunk + 1), count = 0;
        Index low = deal.begin[row_part], high = deal.begin[row_part + 1], G = args.convention.gates();
        for (Index i = 0; i < steps; i++) {
            Index t = args.steps.reverse ? s.T - 1 - from - i : from + i;
            start[i] = count;
            for (Index k = low; k < high; k++) {
                Index b = deal.row[k];
                T *y = args.y.p ? args.y.at(t, b) : nullptr, *g = args.gates.p ? args.gates.at(t, b) : nullptr;
                if (restarted(args.steps, t, b)) at[b] = zeros;
                if (!valid(args.steps, t, b)) {
                    for (Index j = 0; owner && y && j < s.H; j++) y[j] = 0;
                    for (Index j = 0; owner && g && j < G * s.H; j++) g[j] = 0;
                    continue;
                }
                T *even = states + b * padded, *odd = even + s.B * padded;
                Row<T> &r = out[count];
                r.x = args.x.at(t, b);
                r.h = at[b];
                r.input_sums = g ? g : input_sums + (chunk * low + count) * 3 * padded;
                at[b] = r.h_next = at[b] == even ? odd : even;
                r.y = y;
                r.gates = g;
                r.z = g ? g + s.H : z + b * padded;
                r.rh = rh + b * padded;
                count++;
            }
        }
        start[steps] = count;
    }

    void meet(Index n) {
        if (n > 1) all.wait(int(n));
    }
    void wait(Index row_part) {
        if (split.unit_parts > 1) barrier[row_part].wait(int(split.unit_parts));
    }
};

template <class T, class S = T> void forward(const ForwardArgs<T> &args) { Forward<T, S>(args).run(); }

}  // namespace gruvy::GRUVY_NS
