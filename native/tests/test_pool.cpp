// The thread pool: every body runs once, barriers hold, several callers, nested calls, fork. Exit code 0 or 1.
// --fault: one barrier expects a thread too few, so that bodies overtake each other, and the program must fail.
#include "pool.hpp"

#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#if defined(__unix__)
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace gruvy;

namespace {

constexpr int most = 8;

// At each step every body writes its number and, after a barrier, adds up everyone's.
struct Relay {
    Barrier first, second;
    long number[most * 16] = {}, sum[most] = {};
    int ran[most] = {}, had = 0, steps = 20;
    bool fault = false;

    static void body(void *self, int thread, int threads) {
        Relay &r = *static_cast<Relay *>(self);
        r.ran[thread]++;
        if (thread == 0) r.had = threads;
        for (int step = 1; step <= r.steps; step++) {
            r.number[thread * 16] = step * (thread + 1);
            if (!r.fault) r.first.wait(threads);
            for (int i = 0; i < threads; i++) r.sum[thread] += r.number[i * 16];
            r.second.wait(threads);
        }
    }
    bool right(int threads) const {
        if (had != threads && had != 1) return false;
        long want = long(had) * (had + 1) / 2 * steps * (steps + 1) / 2;
        for (int i = 0; i < most; i++)
            if (ran[i] != (i < had) || (i < had && sum[i] != want)) return false;
        return true;
    }
};

bool run(int threads, bool fault = false) {
    Relay r;
    r.fault = fault;
    if (fault) r.steps = 2000;
    parallel(threads, Relay::body, &r);
    return r.right(threads);
}

struct Nested {
    bool ok[most] = {};
    static void body(void *self, int thread, int) {
        Relay r;
        parallel(2, Relay::body, &r);
        static_cast<Nested *>(self)->ok[thread] = r.had == 1 && r.right(1);
    }
};

int failures = 0;
void check(bool ok, const char *what) {
    if (!ok) std::printf("FAILED %s\n", what), failures++;
}

}  // namespace

int main(int count, char **argument) {
    if (count > 1 && !std::strcmp(argument[1], "--fault")) {
        bool ok = true;
        for (int i = 0; i < 20; i++) ok &= run(4, true);
        return ok ? 0 : 1;
    }
    for (int threads = 1; threads <= most; threads++)
        for (int i = 0; i < 5; i++) check(run(threads), "bodies and barriers");
    check(pool_size() == most - 1, "as many threads as were asked for");

    Nested nested;
    parallel(3, Nested::body, &nested);
    check(nested.ok[0] && nested.ok[1] && nested.ok[2], "a call from inside a body runs alone");

    bool ok[4] = {};
    std::vector<std::thread> callers;
    for (int c = 0; c < 4; c++)
        callers.emplace_back([&ok, c] {
            ok[c] = true;
            for (int i = 0; i < 20; i++) ok[c] &= run(3);
        });
    for (auto &t : callers) t.join();
    check(ok[0] && ok[1] && ok[2] && ok[3], "several callers at once");

#if defined(__unix__) && !defined(__SANITIZE_THREAD__)
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) _exit(pool_size() == 0 && run(4) && run(2) && pool_size() == 3 ? 0 : 1);
        int status = -1;
        check(waitpid(child, &status, 0) == child && status == 0, "a forked child has a pool of its own");
    }
    check(run(4), "the parent goes on after fork");
#endif
    std::printf("pool: %d failed\n", failures);
    return failures ? 1 : 0;
}
