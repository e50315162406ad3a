// out = V h + b at every valid step: the product that inference needs beside the recurrence. acc = b, then h_k V_k.
#pragma once

#include "pack.hpp"
#include "rows.hpp"
#include "team.hpp"
#include "workspace.hpp"

namespace gruvy::GRUVY_NS {

template <class T> struct Readout {
    static constexpr int L = Vec<T>::lanes;
    static constexpr Index chunk = 64;
    const ReadoutArgs<T> &a;
    Shape s;
    Index outputs, blocks, threads;
    T *V, *b;
    const T **h;  // per thread
    T **out;

    explicit Readout(const ReadoutArgs<T> &args) : a(args), s(args.shape), outputs(s.I), blocks(blocks_of(s.I, L)) {
        threads = most(1, least(a.threads, s.T * s.B / 16));
    }

    void cut(Arena &arena) {
        V = arena.take<T>(blocks * s.H * L);
        b = arena.take<T>(blocks * L);
        h = arena.take<const T *>(threads * chunk);
        out = arena.take<T *>(threads * chunk);
    }

    void run() {
        Arena arena;
        cut(arena);
        char *block = static_cast<char *>(workspace_take(arena.used));
        arena = Arena{block};
        cut(arena);
        for (Index j = 0; j < blocks; j++)
            pack_rows(V + j * s.H * L, L, a.V + j * L * s.H, s.H, least(L, outputs - j * L), s.H);
        for (Index j = 0; j < blocks * L; j++) b[j] = a.b && j < outputs ? a.b[j] : T(0);
        bool done = run_team(*this, threads);
        if (!done) {
            threads = 1;
            work(0);
        }
        workspace_give(block);
    }

    void work(Index thread) {
        const T **rows = h + thread * chunk;
        T **to = out + thread * chunk;
        const Index total = s.T * s.B, last = (thread + 1) * total / threads;
        Index count = 0;
        for (Index i = thread * total / threads; i < last; i++) {
            Index t = i / s.B, row = i % s.B;
            if (valid(a.steps, t, row)) {
                rows[count] = a.h.at(t, row);
                to[count++] = a.out.at(t, row);
            } else {
                T *o = a.out.at(t, row);
                for (Index j = 0; j < outputs; j++) o[j] = 0;
            }
            if (count == chunk || i + 1 == last) {
                product(rows, to, count);
                count = 0;
            }
        }
    }

    void product(const T *const *rows, T *const *to, Index count) const {
        const Factor<T> weights{V, s.H * L, s.H, s.H > longest};
        for_tiles<T, 1>(count, 0, blocks, &weights, 1, [&](int, const Tile<T, 1> &tile) {
            for (int r = 0; r < tile.R; r++) {
                for (int p = 0; p < tile.P; p++) Vec<T>::load(b + (tile.block + p) * L).store(tile.at(r, p));
                tile.a[r] = rows[tile.row + r];
            }
        }, [&](const Tile<T, 1> &tile) {
            for (int r = 0; r < tile.R; r++)
                for (int p = 0; p < tile.P; p++) {
                    Index j = (tile.block + p) * L;
                    store_up_to<T>(to[tile.row + r] + j, Vec<T>::load(tile.at(r, p)), outputs - j);
                }
        });
    }
};

template <class T> void readout(const ReadoutArgs<T> &a) { Readout<T>(a).run(); }

}  // namespace gruvy::GRUVY_NS
