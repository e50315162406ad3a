// Threads of our own: asleep when idle, made anew after fork, at most one caller's at a time.
#pragma once

namespace gruvy {

using Body = void (*)(void *self, int thread, int threads);

// Calls body(self, i, n) for i = 0 .. n-1, all at the same time, so that they may meet at a Barrier; returns when all
// have returned. n is `threads`, or 1: when another caller has the threads, when called from inside a body, or when
// the system gives no more threads. Body 0 runs on the calling thread. A body must not throw.
void parallel(int threads, Body body, void *self);

// Calls body(self, 0, threads) on the calling thread, and body(self, i, threads) for 0 < i < threads on each other
// thread that begins before that one has returned; none needs to. Returns when all that began have returned. For work
// that whoever is there takes in pieces: a thread that sleeps, or whose core was taken away, holds nobody up. As above,
// the others may all be busy elsewhere. A body must not throw.
void helped(int threads, Body body, void *self);

// Threads that exist at present, the caller's not counted.
int pool_size();

// The n of the calling thread's last call of `parallel`; 0 before the first.
int team_size();

// How many have done something. Who waits for a number of them does so as at a Barrier. Plain memory.
struct alignas(64) Count {
    int number = 0;

    void add();
    void wait(int all);
};

// Where `threads` threads meet, again and again. Spins for some microseconds, then yields, then sleeps: a thread whose
// core was taken away costs the others no more than its absence. With more threads than processors it makes room at
// once. Plain memory: may be copied and assigned while unused.
struct alignas(64) Barrier {
    int arrived = 0;
    alignas(64) int phase = 0;

    void wait(int threads);
};

}  // namespace gruvy
