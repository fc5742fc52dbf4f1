using System.Text;
using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Model.Routing;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Authentication;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Authentication;

/// <summary>Goal: tokens are found where a rule says, nowhere else, and what is taken away leaves the rest as it was.</summary>
public sealed class TokenPlacesTests
{
    private static readonly TokenRule s_default = TestIssuer.Rule();

    private static readonly TokenRule s_custom = new()
    {
        Fields = [new TokenField(new HeaderName("X-Token"), new ByteText("jwt ")), new TokenField(new HeaderName("raw"), new ByteText(""))],
        Parameters = [new ByteText("t")],
        Cookies = [new ByteText("session")],
    };

    [Theory]
    [InlineData("/", "authorization: Bearer a.b.c", "a.b.c")]
    [InlineData("/", "authorization: bearer  a.b.c ", "a.b.c")]
    [InlineData("/", "authorization: Basic a.b.c", "")]
    [InlineData("/", "authorization: Bearer", "")]
    [InlineData("/", "authorization: Bearer ", "")]
    [InlineData("/", "authorization: Bearer one|authorization: Bearer two", "one two")]
    [InlineData("/?access_token=a", "", "a")]
    [InlineData("/?x=1&access_token=a&y=2", "authorization: Bearer b", "b a")]
    [InlineData("/?access_token=&access_tokens=b&Access_token=c", "", "")]
    [InlineData("/access_token=a", "x-token: jwt a|cookie: session=a", "")]
    public void Usual_places(string path, string fields, string expected) => Assert.Equal(expected, Found(s_default, path, fields));

    [Theory]
    [InlineData("/", "x-token: jwt a", "a")]
    [InlineData("/", "x-token: JWT a", "")]
    [InlineData("/", "raw: a", "a")]
    [InlineData("/?t=a&t=b", "", "a b")]
    [InlineData("/", "cookie: a=1; session=x; b=2", "x")]
    [InlineData("/", "cookie: session=x|cookie: session=y", "x y")]
    [InlineData("/", "cookie: session=", "")]
    [InlineData("/", "cookie: session", "")]
    [InlineData("/", "cookie: xsession=a; session2=b", "")]
    [InlineData("/?access_token=a", "authorization: Bearer a", "")]
    public void Places_of_a_rules_own_replace_them(string path, string fields, string expected) =>
        Assert.Equal(expected, Found(s_custom, path, fields));

    [Theory]
    [InlineData("/p?t=a", "", "/p", "")]
    [InlineData("/p?t=a&x=1", "", "/p?x=1", "")]
    [InlineData("/p?x=1&t=a", "", "/p?x=1", "")]
    [InlineData("/p?x=1&t=a&y=2&t=b", "", "/p?x=1&y=2", "")]
    [InlineData("/p?t=a&t=b", "", "/p", "")]
    [InlineData("/p?x=1", "raw: a|other: b|x-token: jwt c", "/p?x=1", "other: b")]
    [InlineData("/p", "cookie: session=x", "/p", "")]
    [InlineData("/p", "cookie: a=1; session=x; b=2", "/p", "cookie: a=1; b=2")]
    [InlineData("/p", "cookie: a=1; session=x", "/p", "cookie: a=1")]
    [InlineData("/p", "cookie: session=x; b=2", "/p", "cookie: b=2")]
    [InlineData("/p", "x-token: other", "/p", "x-token: other")]
    public void What_is_taken_away_leaves_the_rest(string path, string fields, string expectedPath, string expectedFields)
    {
        RequestHead head = Head(path, fields);
        TokenPlaces.RemoveAll(s_custom, head);
        Assert.Equal(expectedPath, Encoding.ASCII.GetString(head.Path));
        Assert.Equal(expectedFields, TextOf(head.Fields));
    }

    private static string Found(TokenRule rule, string path, string fields)
    {
        RequestHead head = Head(path, fields);
        var places = new TokenPlace[8];
        int count = TokenPlaces.Find(rule, head, places);
        return string.Join(' ', places.Take(count).Select(place => Encoding.ASCII.GetString(TokenPlaces.TokenAt(head, in place))));
    }

    private static RequestHead Head(string path, string fields)
    {
        var head = new RequestHead { Path = Encoding.ASCII.GetBytes(path) };
        foreach (string field in fields.Split('|', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = field.Split(": ", 2);
            head.Fields.Add(Encoding.ASCII.GetBytes(parts[0]), Encoding.ASCII.GetBytes(parts.Length > 1 ? parts[1] : ""));
        }

        return head;
    }

    private static string TextOf(HeaderList fields) => string.Join(
        '|',
        Enumerable.Range(0, fields.Count)
            .Select(index => $"{Encoding.ASCII.GetString(fields[index].Name)}: {Encoding.ASCII.GetString(fields[index].Value)}"));
}
