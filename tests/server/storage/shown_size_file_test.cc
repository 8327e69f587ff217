#include "server/storage/shown_size_file.h"

#include <optional>
#include <string>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_folder.h"

namespace gaceta {
namespace {

class ShownSizeFileTest : public ::testing::Test {
 protected:
  std::optional<std::int64_t> Read() const {
    auto size = ShownSizeFile::Read(path_);
    EXPECT_TRUE(size.ok()) << size.status();
    return *size;
  }

  const testing::TempFolder folder_;
  const std::string path_ = ShownSizeFile::PathIn(folder_.path());
};

TEST_F(ShownSizeFileTest, NoFileIsNoError) { EXPECT_EQ(Read(), std::nullopt); }

TEST_F(ShownSizeFileTest, IsWrittenWhileTheLogGrows) {
  ShownSizeFile file(path_, 0);
  file.Show(7);
  const absl::Time deadline = absl::Now() + absl::Seconds(60);

  while (Read() != 7) ASSERT_LT(absl::Now(), deadline);

  file.Show(12);
  while (Read() != 12) ASSERT_LT(absl::Now(), deadline);
}

TEST_F(ShownSizeFileTest, IsWrittenAtTheEnd) {
  {
    ShownSizeFile file(path_, 0);
    for (int size = 1; size <= 1000; ++size) file.Show(size);
  }

  EXPECT_EQ(Read(), 1000);
}

TEST_F(ShownSizeFileTest, NeverDecreases) {
  {
    ShownSizeFile file(path_, 0);
    file.Show(9);
    file.Show(4);
  }

  EXPECT_EQ(Read(), 9);
}

TEST_F(ShownSizeFileTest, WithoutGrowthNothingIsWritten) {
  { ShownSizeFile file(path_, 5); }

  EXPECT_EQ(Read(), std::nullopt);
}

}  // namespace
}  // namespace gaceta
