// Lines of a file, or of a pipe whose writer takes its time.
#ifndef GACETA_CLIENT_CLI_LINE_SOURCE_H_
#define GACETA_CLIENT_CLI_LINE_SOURCE_H_

#include <cstddef>
#include <istream>
#include <string>
#include <utility>

namespace gaceta::cli {

// Reads lines, and tells beforehand whether one has to be waited for. Of a
// descriptor it waits only until EndBySignal::IsAsked().
//
// Thread safety: none.
class LineSource {
 public:
  // Lines of `in`, which must outlive this object, are all there.
  explicit LineSource(std::istream* in) : in_(in) {}
  // Reads `fd`, which stays open.
  explicit LineSource(int fd) : fd_(fd) {}

  // Reads the next line, without its end. Returns false at the end of the
  // input, or if a signal asked to end.
  bool Read(std::string* line);

  // Whether Read() would wait for somebody to write.
  bool WouldWait() const;

  // Returns what was read of a line that a signal cut off, once; empty if none
  // was.
  std::string TakeCutOff() { return std::exchange(cut_off_, ""); }

 private:
  // Whether a whole line is in the buffer.
  bool HasLine() const { return buffer_.find('\n', begin_) != buffer_.npos; }
  // Reads once. Returns false at the end, or if a signal asked to end.
  bool Fill();
  bool ReadFromDescriptor(std::string* line);

  std::istream* in_ = nullptr;
  int fd_ = -1;
  // Of a descriptor: what was read, from `begin_` on.
  std::string buffer_;
  std::size_t begin_ = 0;
  bool at_end_ = false;
  std::string cut_off_;
};

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_LINE_SOURCE_H_
