// out = V h + b at every step: the product that inference needs beside the recurrence. acc = b, then h_k V_k.
#pragma once

#include "pack.hpp"
#include "team.hpp"
#include "workspace.hpp"

namespace gruvy::GRUVY_NS {

template <class T> struct Readout {
    static constexpr int L = Vec<T>::lanes;
    const ReadoutArgs<T> &args;
    Index blocks, threads;
    T *panels, *bias;
    const T **from;  // per thread: rows of h
    T **to;          // per thread: rows of out

    explicit Readout(const ReadoutArgs<T> &a) : args(a), blocks(blocks_of(a.O, L)) {
        threads = most(1, least(a.threads, a.T * a.B / tuning::readout_rows_of_thread));
    }

    void cut(Arena &arena) {
        if (!args.packed) cut_panels(arena);
        from = arena.take<const T *>(threads * tuning::readout_rows);
        to = arena.take<T *>(threads * tuning::readout_rows);
    }

    void cut_panels(Arena &arena) {
        panels = arena.take<T>(blocks * args.H * L);
        bias = arena.take<T>(blocks * L);
    }
    void fill() const {
        for (Index j = 0; j < blocks; j++)
            pack_rows<T>(panels + j * args.H * L, L, args.V + j * L * args.H, args.H, least(L, args.O - j * L), args.H);
        for (Index j = 0; j < blocks * L; j++) bias[j] = args.b && j < args.O ? args.b[j] : T(0);
    }

    void run() {
        Arena arena;
        cut(arena);
        char *block = static_cast<char *>(workspace_take(arena.used));
        arena = Arena{block};
        cut(arena);
        if (args.packed) {
            Arena own{reinterpret_cast<char *>(const_cast<T *>(args.packed))};
            cut_panels(own);
        } else {
            fill();
        }
        bool done = run_team(*this, threads);
        if (!done) {
            threads = 1;
            work(0);
        }
        workspace_give(block);
    }

    void work(Index thread) {
        const T **rows = from + thread * tuning::readout_rows;
        T **results = to + thread * tuning::readout_rows;
        const Index total = args.T * args.B, last = (thread + 1) * total / threads;
        for (Index i = thread * total / threads; i < last;) {
            Index count = least(tuning::readout_rows, last - i);
            for (Index k = 0; k < count; k++, i++) {
                rows[k] = args.h.at(i / args.B, i % args.B);
                results[k] = args.out.at(i / args.B, i % args.B);
            }
            product(rows, results, count);
        }
    }

    void product(const T *const *rows, T *const *results, Index count) const {
        const Factor<T> weights{panels, args.H * L, args.H, args.H > tuning::longest_chain};
        for_tiles<T, 1>(count, 0, blocks, &weights, 1, [&](int, const Tile<T, 1> &tile) {
            for (int r = 0; r < tile.R; r++) {
                for (int p = 0; p < tile.P; p++) Vec<T>::load(bias + (tile.block + p) * L).store(tile.at(r, p));
                tile.input[r] = rows[tile.row + r];
            }
        }, [&](const Tile<T, 1> &tile) {
            for (int r = 0; r < tile.R; r++)
                for (int p = 0; p < tile.P; p++) {
                    Index j = (tile.block + p) * L;
                    store_up_to<T>(results[tile.row + r] + j, Vec<T>::load(tile.at(r, p)), args.O - j);
                }
        });
    }
};

template <class T> void readout(const ReadoutArgs<T> &args) { Readout<T>(args).run(); }

// The numbers of a packed read-out, and, with a block, V and b into it.
template <class T> std::size_t pack_readout(const ReadoutArgs<T> &args, T *block) {
    Readout<T> whole(args);
    Arena arena{reinterpret_cast<char *>(block)};
    whole.cut_panels(arena);
    if (block) whole.fill();
    return arena.used / sizeof(T);
}

}  // namespace gruvy::GRUVY_NS
