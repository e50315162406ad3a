#include "pool.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "tuning.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define GRUVY_POSIX
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace gruvy {
namespace {

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// The processors that this process may run on.
int processors() {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return int(std::thread::hardware_concurrency());  // 0 where it is not known, which is treated as too few
}

thread_local bool crowded = false;  // this thread's team has more threads than processors: who waits makes room

// Returns once word, an atomic or a reference to one, differs from old. Looks for a while, then lets others run in
// between, then sleeps.
template <class Word>
void await_change(const Word &word, int old, int spins, int microseconds) {
    for (int i = 0; i < spins && !crowded; i++) {
        if (word.load(std::memory_order_acquire) != old) return;
        pause();
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(microseconds);
    do {
        for (int i = 0; i < 10; i++) {
            if (word.load(std::memory_order_acquire) != old) return;
            std::this_thread::yield();
        }
    } while (!crowded && std::chrono::steady_clock::now() < end);
    while (word.load(std::memory_order_acquire) == old) word.wait(old, std::memory_order_acquire);
}

thread_local bool inside = false;  // this thread runs a body now
thread_local int team = 0;         // threads of its last call

enum State : std::uint8_t { idle, posted, begun };  // of a worker's present body

struct alignas(64) Worker {
    std::atomic<int> call{0};  // raised by one for each body to run
    std::atomic<int> state{idle};
    Body body = nullptr;  // null: leave
    void *self = nullptr;
    int id = 0, threads = 0;
    bool crowded = false;
    std::thread thread;
};

class Pool {
  public:
    // Ends the threads. The pool stays taken: from now on callers work alone.
    void end() {
        for (auto &w : workers) {
            w->body = nullptr;
            ring(*w);
            w->thread.join();
        }
    }

    // Only for who holds `taken`.
    bool grow(int threads) {
        try {
            while (int(workers.size()) < threads - 1) {
                auto w = std::make_unique<Worker>();
                w->id = int(workers.size()) + 1;
                start(*w);
                workers.push_back(std::move(w));
                size.store(int(workers.size()), std::memory_order_relaxed);
            }
        } catch (const std::system_error &) {
            return false;
        }
        return true;
    }

    // all: every body is run; else those that have not begun when the first has returned are not.
    void run(int threads, Body body, void *self, bool all) {
        left.store(threads - 1, std::memory_order_relaxed);
        crowded = threads > processors();
        for (int i = 0; i < threads - 1; i++) {
            Worker &w = *workers[i];
            w.body = body, w.self = self, w.threads = threads, w.crowded = crowded;
            ring(w);
        }
        inside = true;
        body(self, 0, threads);
        inside = false;
        for (int i = 0; i < threads - 1 && !all; i++) {
            int state = posted;
            if (workers[i]->state.compare_exchange_strong(state, idle, std::memory_order_relaxed))
                left.fetch_sub(1, std::memory_order_relaxed);
        }
        for (int n; (n = left.load(std::memory_order_acquire)) != 0;)
            await_change(left, n, tuning::barrier_spins, tuning::barrier_microseconds);
    }

    std::atomic<bool> taken{false};
    std::atomic<int> size{0};

  private:
    static void ring(Worker &w) {
        w.state.store(posted, std::memory_order_release);
        w.call.fetch_add(1, std::memory_order_release);
        w.call.notify_one();
    }

    void start(Worker &w) {
#if defined(GRUVY_POSIX)
        // Signals are for the threads that Python knows.
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        struct Restore {
            sigset_t &before;
            ~Restore() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
        } restore{before};
#endif
        w.thread = std::thread([this, &w] { work(w); });
    }

    void work(Worker &w) {
        inside = true;
        for (int seen = 0;; seen++) {
            await_change(w.call, seen, tuning::idle_spins, tuning::idle_microseconds);
            // A body that was taken back; or the next one is there already, and is found by this call or its own.
            int state = posted;
            if (!w.state.compare_exchange_strong(state, begun, std::memory_order_acquire)) continue;
            if (!w.body) return;
            crowded = w.crowded;
            w.body(w.self, w.id, w.threads);
            w.state.store(idle, std::memory_order_relaxed);
            // The last look at this pool: after it, the caller may go on.
            if (left.fetch_sub(1, std::memory_order_acq_rel) == 1) left.notify_one();
        }
    }

    std::vector<std::unique_ptr<Worker>> workers;
    alignas(64) std::atomic<int> left{0};
};

// The pool is never freed: someone may still look at it. A forked child has the memory of these threads and not the
// threads, so it leaves that pool where it is and makes its own. At exit the threads are ended, unless in use.
std::atomic<Pool *> the_pool{nullptr};

struct Registration {
    Registration() noexcept {
#if defined(GRUVY_POSIX)
        pthread_atfork(nullptr, nullptr, [] {
            the_pool.store(nullptr);
            inside = false;
        });
#endif
    }
    ~Registration() {
        Pool *pool = the_pool.load();
        if (pool && !pool->taken.exchange(true)) pool->end();
    }
} registration;

Pool *get_pool() {
    Pool *pool = the_pool.load(std::memory_order_acquire);
    if (pool) return pool;
    auto made = std::make_unique<Pool>();
    return the_pool.compare_exchange_strong(pool, made.get()) ? made.release() : pool;
}

}  // namespace

namespace {

void call(int threads, Body body, void *self, bool all) {
    if (threads > tuning::most_threads) threads = tuning::most_threads;
    if (threads > 1 && !inside) {
        Pool *pool = get_pool();
        if (!pool->taken.exchange(true, std::memory_order_acquire)) {
            bool enough = pool->grow(threads);
            if (enough) team = threads, pool->run(threads, body, self, all);
            pool->taken.store(false, std::memory_order_release);
            if (enough) return;
        }
    }
    team = 1;
    body(self, 0, 1);
}

}  // namespace

void parallel(int threads, Body body, void *self) { call(threads, body, self, true); }

void helped(int threads, Body body, void *self) { call(threads, body, self, false); }

int pool_size() {
    Pool *pool = the_pool.load(std::memory_order_acquire);
    return pool ? pool->size.load(std::memory_order_relaxed) : 0;
}

int team_size() { return team; }

void Count::add() {
    std::atomic_ref<int> count(number);
    count.fetch_add(1, std::memory_order_acq_rel);
    count.notify_all();
}

void Count::wait(int all) {
    std::atomic_ref<int> count(number);
    for (int n; (n = count.load(std::memory_order_acquire)) != all;)
        await_change(count, n, tuning::barrier_spins, tuning::barrier_microseconds);
}

void Barrier::wait(int threads) {
    std::atomic_ref<int> count(arrived), turn(phase);
    int now = turn.load(std::memory_order_relaxed);
    if (count.fetch_add(1, std::memory_order_acq_rel) == threads - 1) {
        count.store(0, std::memory_order_relaxed);
        turn.store(now + 1, std::memory_order_release);
        turn.notify_all();
    } else {
        await_change(turn, now, tuning::barrier_spins, tuning::barrier_microseconds);
    }
}

}  // namespace gruvy
