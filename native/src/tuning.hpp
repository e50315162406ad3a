// The tuned numbers of the core, each with its reason. Measured on two cores of Zen 4 (AVX-512, 1 MB of second cache a
// core), float32, whole calls, builds in turn. native/bench/bench.cpp times the kernels alone.
#pragma once

#include "engine.hpp"

namespace gruvy::tuning {

// These decide bits: where a long sum is cut fixes the order of its additions. Other values give other last digits, so
// they depend on the sizes of a layer alone, never on threads, lanes or processor.

// A number that is the sum of more products than this is made of chains of `chain` products each: a longer chain of
// fused multiply-adds loses digits, and a shorter one costs the additions.
constexpr Index longest_chain = 512, chain = 256;
// The gradients of the weights are summed over this many rows (sequence and step) at a time, for the same reason.
constexpr Index gradient_rows = 256;
// The backward pass makes those sums each time it has gone through so many rows: as many as leave their gate gradients
// (4 numbers for each hidden unit, units in whole vectors of the longest kind) in a quarter of the second cache, within
// bounds. Fewer would meet all of dW and dU, and each other's threads, too often; more save nothing.
constexpr Index chunk_bytes = 256 << 10, least_chunk_rows = 256, most_chunk_rows = 1024, chunk_lanes = 16;

// From here on nothing but the time depends on the values.

// Rows of a register tile, with 32 registers or 16: with 32, tiles of 4 rows were 12 to 37 % slower.
constexpr int tile_rows_of_32 = 8, tile_rows_of_16 = 4;
// Rows whose accumulators wait in memory together while they all meet a piece of a panel, and the steps of that piece:
// 256 steps of 3 vectors stay in the first cache with AVX2 (24 KB), close to it with AVX-512 (48 KB).
constexpr Index waiting_rows = 64, panel_steps = 256;
// Numbers between panels beyond their own: at a power of two apart they would fall on the same lines of the cache.
constexpr Index panel_gap = 16;

// The forward pass makes the products with the inputs at each step, or before the steps for many rows at once. With few
// rows at a step (fewer than this), or weights beyond what the second cache holds and more, W is better read once for
// many steps; else the products' way through memory costs more than reading W at each step. With very few inputs there
// is next to nothing to save.
constexpr Index few_rows = 4, few_inputs = 4, weights_near = 2 << 20;
constexpr Index input_rows = 256;  // of a chunk whose input products are made before its steps: they stay in the cache

// Up to so many inputs the gradient of W is made beside the bias sums: whole vectors of one to four columns would be
// mostly padding (11 of 66 ms at one input).
constexpr Index thin_inputs = 4;
// Weights up to this stay in the second cache: some rows meet them all while the rows are at hand. Beyond, some of the
// weights meet all rows.
constexpr Index dx_weights_near = 256 << 10;

// At least so many tiles of the gradients of the weights are fetched by a thread at once, and from 32 on a quarter of
// its share: all of them meet a group of panels while it is near.
constexpr Index fetched_tiles = 4;

// A thread has at least so many rows of a batch to itself, since rows never meet; fewer are shared by hidden units.
constexpr Index rows_of_thread = 4;
constexpr Index readout_rows_of_thread = 16;  // a read-out has less to do for each
constexpr Index readout_rows = 64;            // addressed at once

// A step of fewer products keeps the interpreter's lock: to give it away and take it back costs as much.
constexpr Index locked_step = 100000;

// How long a thread looks before it lets others run, and how long it goes on so before it sleeps; to wake it takes as
// long as a small call. At a barrier the others are near. Between calls a program does other things for a while, as in
// a training loop: a millisecond outlasts most. A pause is 20 to 40 ns.
constexpr int barrier_spins = 400, barrier_microseconds = 300;
constexpr int idle_spins = 1000, idle_microseconds = 1000;
constexpr int most_threads = 256;  // a mistake in a number of threads must not exhaust the system

// Scratch blocks kept between calls, which saved up to 24 % of a call with one input; from `huge_page` on in huge
// pages: fewer misses of the address cache. A block is made an eighth larger than asked for, so that slightly larger
// calls fit too, and stays for others where a call's need and `small_block` together are less than an eighth of it.
constexpr int kept_blocks = 16, spare_part = 8;
constexpr std::size_t huge_page = 2 << 20, small_block = 1 << 20;

}  // namespace gruvy::tuning
