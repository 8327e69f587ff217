// Shows the thread sanitizer what absl::Mutex does.
//
// Debian's Abseil and gRPC are not built for the sanitizer, which would see no
// lock of theirs, and a race wherever one is used. This library comes before
// Abseil's in the search for symbols: each function here tells the sanitizer
// what happens, and calls Abseil's own.
//
// AwaitWithTimeout() calls AwaitWithDeadline(), which is here.
//
// Between pre_… and post_… the sanitizer ignores what this thread reads, so
// that conditions, which Abseil also evaluates for waiting threads, count as
// held.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace {

using absl::Condition;
using absl::CondVar;
using absl::Duration;
using absl::Mutex;
using absl::Time;

// Abseil's own function of that name.
template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

void TellUnlock(void* mutex, unsigned flags) {
  __tsan_mutex_pre_unlock(mutex, flags);
  __tsan_mutex_post_unlock(mutex, flags);
}

// A lock that is given up while waiting, and taken again.
template <typename Wait>
auto Rewait(void* mutex, Wait wait) {
  TellUnlock(mutex, 0);
  __tsan_mutex_pre_lock(mutex, 0);
  auto result = wait();
  __tsan_mutex_post_lock(mutex, 0, 0);
  return result;
}

}  // namespace

extern "C" {

void _ZN4absl7debian35Mutex4LockEv(Mutex* mutex) {
  static auto* const next = Next<void(Mutex*)>("_ZN4absl7debian35Mutex4LockEv");
  __tsan_mutex_pre_lock(mutex, 0);
  next(mutex);
  __tsan_mutex_post_lock(mutex, 0, 0);
}

void _ZN4absl7debian35Mutex6UnlockEv(Mutex* mutex) {
  static auto* const next =
      Next<void(Mutex*)>("_ZN4absl7debian35Mutex6UnlockEv");
  __tsan_mutex_pre_unlock(mutex, 0);
  next(mutex);
  __tsan_mutex_post_unlock(mutex, 0);
}

bool _ZN4absl7debian35Mutex7TryLockEv(Mutex* mutex) {
  static auto* const next =
      Next<bool(Mutex*)>("_ZN4absl7debian35Mutex7TryLockEv");
  __tsan_mutex_pre_lock(mutex, __tsan_mutex_try_lock);
  const bool locked = next(mutex);
  __tsan_mutex_post_lock(
      mutex,
      __tsan_mutex_try_lock | (locked ? 0 : __tsan_mutex_try_lock_failed), 0);
  return locked;
}

void _ZN4absl7debian35Mutex10ReaderLockEv(Mutex* mutex) {
  static auto* const next =
      Next<void(Mutex*)>("_ZN4absl7debian35Mutex10ReaderLockEv");
  __tsan_mutex_pre_lock(mutex, __tsan_mutex_read_lock);
  next(mutex);
  __tsan_mutex_post_lock(mutex, __tsan_mutex_read_lock, 0);
}

void _ZN4absl7debian35Mutex12ReaderUnlockEv(Mutex* mutex) {
  static auto* const next =
      Next<void(Mutex*)>("_ZN4absl7debian35Mutex12ReaderUnlockEv");
  __tsan_mutex_pre_unlock(mutex, __tsan_mutex_read_lock);
  next(mutex);
  __tsan_mutex_post_unlock(mutex, __tsan_mutex_read_lock);
}

void _ZN4absl7debian35MutexD1Ev(Mutex* mutex) {
  static auto* const next = Next<void(Mutex*)>("_ZN4absl7debian35MutexD1Ev");
  next(mutex);
  __tsan_mutex_destroy(mutex, 0);
}

void _ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE(
    Mutex* mutex, const Condition* condition) {
  static auto* const next = Next<void(Mutex*, const Condition*)>(
      "_ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE");
  Rewait(mutex, [&] {
    next(mutex, condition);
    return 0;
  });
}

bool _ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE(
    Mutex* mutex, const Condition* condition, Time deadline) {
  static auto* const next = Next<bool(Mutex*, const Condition*, Time)>(
      "_ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  return Rewait(mutex, [&] { return next(mutex, condition, deadline); });
}

void _ZN4absl7debian35Mutex8LockWhenERKNS0_9ConditionE(
    Mutex* mutex, const Condition* condition) {
  static auto* const next = Next<void(Mutex*, const Condition*)>(
      "_ZN4absl7debian35Mutex8LockWhenERKNS0_9ConditionE");
  __tsan_mutex_pre_lock(mutex, 0);
  next(mutex, condition);
  __tsan_mutex_post_lock(mutex, 0, 0);
}

// absl::Notification uses this one.
bool _ZN4absl7debian35Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE(
    Mutex* mutex, const Condition* condition, Duration timeout) {
  static auto* const next = Next<bool(Mutex*, const Condition*, Duration)>(
      "_ZN4absl7debian35Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_"
      "8DurationE");
  __tsan_mutex_pre_lock(mutex, 0);
  const bool met = next(mutex, condition, timeout);
  __tsan_mutex_post_lock(mutex, 0, 0);
  return met;
}

bool _ZN4absl7debian35Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE(
    Mutex* mutex, const Condition* condition, Time deadline) {
  static auto* const next = Next<bool(Mutex*, const Condition*, Time)>(
      "_ZN4absl7debian35Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_"
      "4TimeE");
  __tsan_mutex_pre_lock(mutex, 0);
  const bool met = next(mutex, condition, deadline);
  __tsan_mutex_post_lock(mutex, 0, 0);
  return met;
}

void _ZN4absl7debian37CondVar4WaitEPNS0_5MutexE(CondVar* variable,
                                                Mutex* mutex) {
  static auto* const next = Next<void(CondVar*, Mutex*)>(
      "_ZN4absl7debian37CondVar4WaitEPNS0_5MutexE");
  Rewait(mutex, [&] {
    next(variable, mutex);
    return 0;
  });
}

bool _ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE(
    CondVar* variable, Mutex* mutex, Time deadline) {
  static auto* const next = Next<bool(CondVar*, Mutex*, Time)>(
      "_ZN4absl7debian37CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  return Rewait(mutex, [&] { return next(variable, mutex, deadline); });
}

}  // extern "C"
