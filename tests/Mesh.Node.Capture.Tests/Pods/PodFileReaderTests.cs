using System.Net;
using System.Text;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Capture.Pods;
using Xunit;

namespace Mesh.Node.Capture.Tests.Pods;

public sealed class PodFileReaderTests
{
    private const string Whole = """
        {"uid":"u-1","name":"cart-0","namespace":"shop","serviceAccount":"cart","networkNamespace":"/run/netns/x",
        "addresses":["10.0.0.7","fd00::7"],"annotations":{"a":"b"},
        "probes":[{"kind":"http","port":8080,"path":"/healthz"},{"kind":"http","port":8081},{"kind":"grpc","port":9090},
        {"kind":"grpc","port":9091,"service":"shop.Cart"},{"kind":"tcp","port":5432}]}
        """;

    [Fact]
    public void A_whole_file_is_read()
    {
        PodSpec pod = Read(Whole);

        Assert.Equal(("u-1", "shop/cart-0", "cart", "/run/netns/x"), (pod.Uid, pod.DisplayName, pod.ServiceAccount, pod.NetworkNamespace));
        Assert.Equal([IPAddress.Parse("10.0.0.7"), IPAddress.Parse("fd00::7")], pod.Addresses);
        Assert.Equal(
            [
                new PodProbe(PodProbeKind.Http, 8080, "/healthz", ""), new PodProbe(PodProbeKind.Http, 8081, "/", ""),
                new PodProbe(PodProbeKind.Grpc, 9090, "", ""), new PodProbe(PodProbeKind.Grpc, 9091, "", "shop.Cart"),
                new PodProbe(PodProbeKind.Tcp, 5432, "", ""),
            ],
            pod.Probes);
        Assert.Equal("b", pod.Annotations["a"]);
        Assert.True(pod.Says(Read(Whole)));
        Assert.False(pod.Says(Read(Whole.Replace("\"b\"", "\"c\"", StringComparison.Ordinal))));
        Assert.False(pod.Says(Read(Whole.Replace("5432", "5433", StringComparison.Ordinal))));
    }

    [Fact]
    public void What_a_pod_has_none_of_may_be_left_out()
    {
        PodSpec pod = Read("""
            {"uid":"u-1","name":"cart-0","namespace":"shop","serviceAccount":"cart","networkNamespace":"/run/netns/x"}
            """);

        Assert.Empty(pod.Addresses);
        Assert.Empty(pod.Annotations);
        Assert.Empty(pod.Probes);
    }

    [Theory]
    [InlineData("\"u-1\"", "\"u-2\"", "file's name")]
    [InlineData("\"cart-0\"", "\"cart/0\"", "name must be")]
    [InlineData("\"shop\"", "\"\"", "namespace must be")]
    [InlineData("\"cart\"", "\"ca rt\"", "serviceAccount must be")]
    [InlineData("\"/run/netns/x\"", "\"x\"", "absolute path")]
    [InlineData("\"/run/netns/x\"", "\"/run\\u0000\"", "absolute path")]
    [InlineData("\"10.0.0.7\"", "\"10.7\"", "addresses")]
    [InlineData("\"10.0.0.7\"", "\"host\"", "addresses")]
    [InlineData("\"tcp\"", "\"exec\"", "probes")]
    [InlineData("5432", "0", "probes")]
    [InlineData("5432", "65536", "probes")]
    [InlineData("\"/healthz\"", "\"healthz\"", "probes")]
    [InlineData("\"kind\":\"tcp\"", "\"kind\":\"tcp\",\"path\":\"/x\"", "probes")]
    [InlineData("\"uid\"", "\"nmae\":1,\"uid\"", "nmae")]
    [InlineData("\"uid\"", "\"name\":\"x\",\"uid\"", "name")]
    [InlineData("\"uid\":\"u-1\",", "", "uid")]
    [InlineData("\"shop\"", "null", "namespace")]
    [InlineData("}", "", "")]
    public void A_wrong_file_is_refused_and_the_field_is_named(string text, string instead, string named)
    {
        CaptureException refused = Assert.Throws<CaptureException>(() => Read(Whole.Replace(text, instead, StringComparison.Ordinal)));

        Assert.Contains(named, refused.Message, StringComparison.OrdinalIgnoreCase);
    }

    private static PodSpec Read(string text) => PodFileReader.Read("u-1", Encoding.UTF8.GetBytes(text));
}
