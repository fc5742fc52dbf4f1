using System.Text;
using Mesh.Node.Model.Policies.Requests;
using Xunit;

namespace Mesh.Node.Model.Tests.Policies.Requests;

public sealed class PathTemplateTests
{
    [Theory]
    [InlineData("/foo/{*}", "/foo/bar", true)]
    [InlineData("/foo/{*}", "/foo/bar/baz", false)]
    [InlineData("/foo/{*}", "/foo/bar/", false)]
    [InlineData("/foo/{*}", "/foo/", false)]
    [InlineData("/foo/{*}", "/foo", false)]
    [InlineData("/foo/{*}", "/food/bar", false)]
    [InlineData("/{*}/bar", "/foo/bar", true)]
    [InlineData("/{*}/bar", "//bar", false)]
    [InlineData("/{*}", "/", false)]
    [InlineData("/{*}/{*}", "/a/b", true)]
    [InlineData("/{*}/{*}", "/a", false)]
    [InlineData("/foo/{**}", "/foo/bar/baz.txt", true)]
    [InlineData("/foo/{**}", "/foo/", true)]
    [InlineData("/foo/{**}", "/foo", false)]
    [InlineData("/foo/{**}", "/foobar", false)]
    [InlineData("/foo/{**}/", "/foo/bar/baz/", true)]
    [InlineData("/foo/{**}/", "/foo//", true)]
    [InlineData("/foo/{**}/", "/foo/", false)]
    [InlineData("/foo/{**}/", "/foo/bar", false)]
    [InlineData("/foo/{*}/bar/{**}", "/foo/buzz/bar/", true)]
    [InlineData("/foo/{*}/bar/{**}", "/foo/buzz/bar/baz", true)]
    [InlineData("/foo/{*}/bar/{**}", "/foo/buzz/bar", false)]
    [InlineData("/foo/{**}/end", "/foo/end", false)]
    [InlineData("/foo/{**}/end", "/foo/a/b/end", true)]
    [InlineData("/foo/{**}/end", "/foo/a/b/theend", false)]
    [InlineData("/{**}", "/", true)]
    [InlineData("/{**}", "/any/thing", true)]
    [InlineData("/{**}", "*", false)]
    [InlineData("/{**}", "", false)]
    [InlineData("/plain", "/plain", true)]
    [InlineData("/plain", "/Plain", false)]
    [InlineData("/", "/", true)]
    [InlineData("/", "/a", false)]
    public void A_template_matches_by_segments(string text, string path, bool matches)
    {
        Assert.True(PathTemplate.TryParse(text, out PathTemplate? template));
        Assert.Equal(text, template.Text);
        Assert.Equal(matches, template.Matches(Encoding.UTF8.GetBytes(path)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("foo/{*}")]
    [InlineData("{*}")]
    [InlineData("/foo{*}")]
    [InlineData("/{*}foo")]
    [InlineData("/{*}{*}")]
    [InlineData("/{**}/{*}")]
    [InlineData("/{**}/{**}")]
    [InlineData("/{*}/bar*")]
    [InlineData("/{*}/*")]
    [InlineData("/{foo}")]
    [InlineData("/{}")]
    [InlineData("/{***}")]
    [InlineData("/{*")]
    [InlineData("/a}")]
    [InlineData("/{**}/a*")]
    public void What_is_no_template_is_refused(string text) => Assert.False(PathTemplate.TryParse(text, out _));
}
