using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Testing;

namespace Mesh.Node.Protocols.Tests.Http;

/// <summary>Goal: one form of each path, and none that two could read differently. Method: tables; the fuzzer compares with an oracle.</summary>
public sealed class PathNormalizerTests
{
    // The same path under BASE, MERGE_SLASHES and DECODE_AND_MERGE_SLASHES; empty: refused.
    [Theory]
    [InlineData("/", "/", "/", "/")]
    [InlineData("/a/b", "/a/b", "/a/b", "/a/b")]
    [InlineData("/a/../b", "/b", "/b", "/b")]
    [InlineData("/a/./b", "/a/b", "/a/b", "/a/b")]
    [InlineData("/a/b/..", "/a/", "/a/", "/a/")]
    [InlineData("/a/.", "/a/", "/a/", "/a/")]
    [InlineData("/..", "/", "/", "/")]
    [InlineData("/../../a", "/a", "/a", "/a")]
    [InlineData("/a/../../b", "/b", "/b", "/b")]
    [InlineData("/...", "/...", "/...", "/...")]
    [InlineData("/.hidden", "/.hidden", "/.hidden", "/.hidden")]
    [InlineData("/a..", "/a..", "/a..", "/a..")]
    [InlineData("/a\\b", "/a/b", "/a/b", "/a/b")]
    [InlineData("/a\\..\\b", "/b", "/b", "/b")]
    [InlineData("/%61dmin", "/admin", "/admin", "/admin")]
    [InlineData("/%7Euser", "/~user", "/~user", "/~user")]
    [InlineData("/a/%2e%2E/b", "/b", "/b", "/b")]
    [InlineData("/a/.%2e/b", "/b", "/b", "/b")]
    [InlineData("/a//b", "/a//b", "/a/b", "/a/b")]
    [InlineData("//", "//", "/", "/")]
    [InlineData("/a//../b", "/a/b", "/a/b", "/a/b")]
    [InlineData("//../a", "/a", "/a", "/a")]
    [InlineData("/a///", "/a///", "/a/", "/a/")]
    [InlineData("/a%2fb", "/a%2fb", "/a%2fb", "/a/b")]
    [InlineData("/a%2F%2Fb", "/a%2F%2Fb", "/a%2F%2Fb", "/a/b")]
    [InlineData("/a%5cb", "/a%5cb", "/a%5cb", "/a/b")]
    [InlineData("/a%5C..%2fb", "/a%5C..%2fb", "/a%5C..%2fb", "/b")]
    [InlineData("/a%2f..", "/a%2f..", "/a%2f..", "/")]
    [InlineData("/a%252fb", "/a%252fb", "/a%252fb", "/a%252fb")]
    [InlineData("/%252e%252e/a", "/%252e%252e/a", "/%252e%252e/a", "/%252e%252e/a")]
    [InlineData("/caf%c3%a9", "/caf%c3%a9", "/caf%c3%a9", "/caf%c3%a9")]
    [InlineData("/a%20b", "/a%20b", "/a%20b", "/a%20b")]
    [InlineData("/%c0%ae", "/%c0%ae", "/%c0%ae", "/%c0%ae")]
    [InlineData("/%00", "", "", "")]
    [InlineData("/a/%00/../b", "", "", "")]
    [InlineData("/%", "", "", "")]
    [InlineData("/%2", "", "", "")]
    [InlineData("/%zz", "", "", "")]
    [InlineData("/%2g", "", "", "")]
    [InlineData("/%%32%65", "", "", "")]
    [InlineData("/%2%65", "", "", "")]
    [InlineData("/a?x=/../%zz", "/a?x=/../%zz", "/a?x=/../%zz", "/a?x=/../%zz")]
    [InlineData("/b/../a?x=//y", "/a?x=//y", "/a?x=//y", "/a?x=//y")]
    [InlineData("/a/..?", "/?", "/?", "/?")]
    [InlineData("*", "*", "*", "*")]
    [InlineData("", "", "", "")]
    public void A_path_has_one_form(string path, string ofBase, string merged, string decoded)
    {
        AssertForm(path, path, PathNormalization.None);
        AssertForm(path, ofBase, PathNormalization.Base);
        AssertForm(path, merged, PathNormalization.MergeSlashes);
        AssertForm(path, decoded, PathNormalization.DecodeAndMergeSlashes);
    }

    [Fact]
    public void Every_escape_is_undone_kept_or_refused()
    {
        for (int value = 0; value < 256; value++)
        {
            char character = (char)value;
            bool isUnreserved = char.IsAsciiLetterOrDigit(character) || "-._~".Contains(character);
            foreach (string escape in new[] { $"%{value:X2}", $"%{value:x2}" })
            {
                string expected = value == 0 ? "" : isUnreserved ? $"/x{character}y" : $"/x{escape}y";
                AssertForm($"/x{escape}y", expected, PathNormalization.Base);
                AssertForm($"/x{escape}y", character is '/' or '\\' ? "/x/y" : expected, PathNormalization.DecodeAndMergeSlashes);
            }
        }
    }

    [Fact]
    public void The_default_is_BASE() => Assert.Equal(PathNormalization.Base, default);

    [Fact]
    public void A_destination_without_room_is_a_mistake() =>
        Assert.Throws<ArgumentException>(() => PathNormalizer.TryNormalize("/ab"u8, PathNormalization.Base, new byte[2], out _));

    [Fact]
    public void Normalising_allocates_nothing()
    {
        byte[] buffer = new byte[64];
        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
            PathNormalizer.TryNormalize("/a/%2e%2e/b//c%2fd?x"u8, PathNormalization.DecodeAndMergeSlashes, buffer, out _)));
    }

    private static void AssertForm(string path, string expected, PathNormalization kind)
    {
        byte[] buffer = Encoding.Latin1.GetBytes(path);
        bool isTaken = PathNormalizer.TryNormalize(buffer, kind, buffer, out int bytes);
        Assert.Equal(expected.Length > 0 || path.Length == 0, isTaken);
        Assert.Equal(expected, isTaken ? Encoding.Latin1.GetString(buffer, 0, bytes) : "");
    }
}
