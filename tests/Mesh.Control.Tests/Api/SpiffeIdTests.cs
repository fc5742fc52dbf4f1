using Mesh.Api.Identity;
using Xunit;

namespace Mesh.Control.Tests.Api;

public sealed class SpiffeIdTests
{
    [Theory]
    [InlineData("spiffe://cluster.local/ns/shop/sa/cart", "cluster.local", "shop", "cart")]
    [InlineData("spiffe://a/ns/b/sa/c", "a", "b", "c")]
    [InlineData("spiffe://my_domain-1.example/ns/Team.A/sa/x_y-z.1", "my_domain-1.example", "Team.A", "x_y-z.1")]
    public void An_identity_reads_and_prints_the_same(string text, string trustDomain, string @namespace, string serviceAccount)
    {
        Assert.True(SpiffeId.TryParse(text, out SpiffeId? id));
        Assert.Equal(trustDomain, id.TrustDomain.Name);
        Assert.Equal(@namespace, id.Namespace);
        Assert.Equal(serviceAccount, id.ServiceAccount);
        Assert.Equal(text, id.ToString());
        Assert.Equal(text["spiffe://".Length..], id.Principal.ToString());
        Assert.Equal(id, SpiffeId.Create(TrustDomain.Parse(trustDomain), @namespace, serviceAccount));
        Assert.Equal(id.GetHashCode(), SpiffeId.Parse(text).GetHashCode());
    }

    [Theory]
    [InlineData("")]
    [InlineData("spiffe://")]
    [InlineData("SPIFFE://cluster.local/ns/shop/sa/cart")]
    [InlineData("Spiffe://cluster.local/ns/shop/sa/cart")]
    [InlineData("http://cluster.local/ns/shop/sa/cart")]
    [InlineData(" spiffe://cluster.local/ns/shop/sa/cart")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/cart ")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/cart\n")]
    [InlineData("spiffe:///ns/shop/sa/cart")]
    [InlineData("spiffe://Cluster.local/ns/shop/sa/cart")]
    [InlineData("spiffe://cluster.local:443/ns/shop/sa/cart")]
    [InlineData("spiffe://user@cluster.local/ns/shop/sa/cart")]
    [InlineData("spiffe://cluster.local")]
    [InlineData("spiffe://cluster.local/")]
    [InlineData("spiffe://cluster.local/ns/shop")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/")]
    [InlineData("spiffe://cluster.local/ns//sa/cart")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/cart/")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/cart/more")]
    [InlineData("spiffe://cluster.local//ns/shop/sa/cart")]
    [InlineData("spiffe://cluster.local/NS/shop/sa/cart")]
    [InlineData("spiffe://cluster.local/sa/cart/ns/shop")]
    [InlineData("spiffe://cluster.local/ns/./sa/cart")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/..")]
    [InlineData("spiffe://cluster.local/ns/sh%6fp/sa/cart")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/cart?x=1")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/cart#x")]
    [InlineData("spiffe://cluster.local/ns/sh\0p/sa/cart")]
    [InlineData("spiffe://cluster.local/ns/shöp/sa/cart")]
    public void Anything_else_is_not_an_identity(string text)
    {
        Assert.False(SpiffeId.TryParse(text, out SpiffeId? id));
        Assert.Null(id);
        Assert.Throws<FormatException>(() => SpiffeId.Parse(text));
    }

    [Fact]
    public void Every_prefix_of_an_identity_that_lacks_a_segment_is_refused()
    {
        const string Text = "spiffe://cluster.local/ns/shop/sa/c";
        for (int length = 0; length < Text.Length; length++)
        {
            Assert.False(SpiffeId.TryParse(Text.AsSpan(0, length), out _), Text[..length]);
        }
    }

    [Fact]
    public void The_longest_identity_has_2048_characters()
    {
        string start = "spiffe://cluster.local/ns/shop/sa/";
        Assert.True(SpiffeId.TryParse(start + new string('a', SpiffeId.CharsMax - start.Length), out _));
        Assert.False(SpiffeId.TryParse(start + new string('a', SpiffeId.CharsMax - start.Length + 1), out _));
        Assert.False(SpiffeId.TryCreate(TrustDomain.Default, "shop", new string('a', SpiffeId.CharsMax), out _));
    }

    [Theory]
    [InlineData("shop/sa/admin", "cart")]
    [InlineData("", "cart")]
    [InlineData("shop", "")]
    [InlineData("shop", "..")]
    [InlineData("shop", "ca rt")]
    public void A_part_cannot_smuggle_in_another(string @namespace, string serviceAccount)
    {
        Assert.False(SpiffeId.TryCreate(TrustDomain.Default, @namespace, serviceAccount, out _));
        Assert.Throws<FormatException>(() => SpiffeId.Create(TrustDomain.Default, @namespace, serviceAccount));
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("cluster.local", true)]
    [InlineData("a-b_c.d1", true)]
    [InlineData("", false)]
    [InlineData("Upper", false)]
    [InlineData("a/b", false)]
    [InlineData("a:1", false)]
    [InlineData("a b", false)]
    public void Trust_domains_are_lower_case_names(string name, bool isValid)
    {
        Assert.Equal(isValid, TrustDomain.TryParse(name, out TrustDomain? trustDomain));
        Assert.Equal(isValid ? name : null, trustDomain?.Name);
    }

    [Fact]
    public void A_trust_domain_has_at_most_255_characters()
    {
        Assert.True(TrustDomain.TryParse(new string('a', TrustDomain.NameCharsMax), out _));
        Assert.False(TrustDomain.TryParse(new string('a', TrustDomain.NameCharsMax + 1), out _));
    }

    [Fact]
    public void Identities_of_different_trust_domains_differ()
    {
        SpiffeId left = SpiffeId.Parse("spiffe://a/ns/b/sa/c");
        SpiffeId right = SpiffeId.Parse("spiffe://b/ns/b/sa/c");
        Assert.NotEqual(left, right);
        Assert.NotEqual(left.TrustDomain, right.TrustDomain);
    }
}
