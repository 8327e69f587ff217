// Rights of the files and folders that Gaceta makes: nothing else in Gaceta
// calls open() with O_CREAT, or mkdir().
#ifndef GACETA_CLIENT_BASE_FILE_RIGHTS_H_
#define GACETA_CLIENT_BASE_FILE_RIGHTS_H_

#include <string>

namespace gaceta {

enum class FileRights {
  // Keys and state: the owner alone, 0600 and for folders 0700, whatever the
  // umask.
  kPrivate,
  // Results that a person asked for, and what is public by nature, as
  // certificates: 0666 and for folders 0777, less the umask of the person.
  kOutput,
};

// Sets the umask of this process to 077, so that files are private whichever
// library makes them (SQLite's too). Remembers the umask that the process had,
// which counts for kOutput.
//
// The programs of Gaceta call it first in main, before any other thread is
// there. A program that only uses the library keeps its own umask; the files of
// the library have the rights that FileRights says all the same.
void MakeFilesPrivate();

// The functions below return -1 and set errno on error, as open() does. They
// may be called from any thread.

// Makes the file `path`, which must not exist (EEXIST), and opens it with
// `flags`, as O_RDWR.
int MakeFile(const std::string& path, int flags, FileRights rights);

// Opens the file `path` with `flags`; makes it if it is not there. Takes the
// rights of others from a file that is there and is to be private; EPERM if it
// belongs to another user. Leaves the rights of other files.
int OpenOrMakeFile(const std::string& path, int flags, FileRights rights);

// Makes the folder `path`, which must not exist (EEXIST). Returns 0.
int MakeFolder(const std::string& path, FileRights rights);

// Takes the rights of others from the file or folder that `fd` has open.
// Returns 1, or 0 if they had none. EPERM if it belongs to another user,
// ENOTSUP if its file system keeps no such rights.
int TakeRightsOfOthers(int fd);

}  // namespace gaceta

#endif  // GACETA_CLIENT_BASE_FILE_RIGHTS_H_
