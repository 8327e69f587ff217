// Lets Ctrl-C end a long command at a point of its own choice.
#ifndef GACETA_CLIENT_CLI_END_BY_SIGNAL_H_
#define GACETA_CLIENT_CLI_END_BY_SIGNAL_H_

namespace gaceta::cli {

// How soon whoever waits should look again whether a signal came.
inline constexpr int kSignalIntervalMs = 200;

// While it is there, the first SIGINT and the first SIGTERM do nothing but to
// be asked for. A second one ends the program at once.
//
// Thread safety: one at a time.
class EndBySignal {
 public:
  EndBySignal();
  // From here on signals do what they did before.
  ~EndBySignal();
  EndBySignal(const EndBySignal&) = delete;
  EndBySignal& operator=(const EndBySignal&) = delete;

  // Whether one came.
  static bool IsAsked();

 private:
  void (*const interrupt_)(int);
  void (*const terminate_)(int);
};

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_END_BY_SIGNAL_H_
