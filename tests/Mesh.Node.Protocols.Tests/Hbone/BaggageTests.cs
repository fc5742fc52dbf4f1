using System.Text;
using Mesh.Node.Protocols.Hbone;

namespace Mesh.Node.Protocols.Tests.Hbone;

/// <summary>Goal: baggage is written as ambient writes it and read as W3C Baggage says. Method: tables, limits, round trips.</summary>
public sealed class BaggageTests
{
    private const string Ambient =
        "k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,k8s.deployment.name=cart,service.name=cart,service.version=v1,"
        + "cloud.region=r1,cloud.availability_zone=r1-a";

    private static readonly Baggage s_cart = new()
    {
        Cluster = "Kubernetes",
        Namespace = "shop",
        WorkloadKind = BaggageWorkloadKind.Deployment,
        WorkloadName = "cart",
        ServiceName = "cart",
        ServiceVersion = "v1",
        Region = "r1",
        Zone = "r1-a",
    };

    [Fact]
    public void Ambients_keys_are_written_and_read()
    {
        Assert.Equal(Ambient, Format(s_cart));
        Assert.Equal(s_cart, Parse(Ambient));
    }

    [Theory]
    [InlineData(BaggageWorkloadKind.Deployment, "k8s.deployment.name")]
    [InlineData(BaggageWorkloadKind.CronJob, "k8s.cronjob.name")]
    [InlineData(BaggageWorkloadKind.Job, "k8s.job.name")]
    [InlineData(BaggageWorkloadKind.Pod, "k8s.pod.name")]
    public void Each_kind_of_workload_has_its_key(BaggageWorkloadKind kind, string key)
    {
        var baggage = new Baggage { WorkloadKind = kind, WorkloadName = "x" };
        Assert.Equal($"{key}=x", Format(baggage));
        Assert.Equal(baggage, Parse($"{key}=x"));
    }

    [Theory]
    [InlineData("a,b")]
    [InlineData("a;b")]
    [InlineData("a b")]
    [InlineData("100%")]
    [InlineData("%41")]
    [InlineData("\"\\")]
    [InlineData("grün-中文-🚀")]
    [InlineData("a=b")]
    public void What_baggage_cannot_hold_is_escaped(string value)
    {
        string text = Format(new Baggage { ServiceName = value });
        Assert.DoesNotContain(text["service.name=".Length..], static c => c is ' ' or ',' or ';' or '"' or '\\' or > '~');
        Assert.Equal(value, Parse(text)?.ServiceName);
    }

    [Theory]
    [InlineData("service.name=a", "a")]
    [InlineData(" service.name = a ", "a")]
    [InlineData("other=1,service.name=a,service.name2=b", "a")]
    [InlineData("other=1,other=2,service.name=a", "a")]
    [InlineData("service.name=a;prop;prop2=x ; prop3 = y,other=1;p", "a")]
    [InlineData("service.name=a%2Cb%2c", "a,b,")]
    [InlineData("service.name=", "")]
    [InlineData("service.name==", "=")]
    [InlineData("other=1", null)]
    public void W3C_baggage_is_read(string text, string? name)
    {
        Baggage? baggage = Parse(text);
        Assert.NotNull(baggage);
        Assert.Equal(name, baggage.ServiceName);
    }

    [Theory]
    [InlineData("")]
    [InlineData(",")]
    [InlineData("service.name=a,")]
    [InlineData(",service.name=a")]
    [InlineData("service.name")]
    [InlineData("=a")]
    [InlineData(" =a")]
    [InlineData("service name=a")]
    [InlineData("service.name=a b")]
    [InlineData("service.name=a\"b")]
    [InlineData("service.name=a\\b")]
    [InlineData("service.name=\u00e9")]
    [InlineData("service.name=a%")]
    [InlineData("service.name=a%2")]
    [InlineData("service.name=a%2g")]
    [InlineData("service.name=%00")]
    [InlineData("service.name=%0a")]
    [InlineData("service.name=%7f")]
    [InlineData("service.name=%ff")] // Not UTF-8.
    [InlineData("service.name=%c3")]
    [InlineData("service.name=a,service.name=a")]
    [InlineData("k8s.deployment.name=a,k8s.pod.name=b")] // A workload is of one kind.
    [InlineData("service.name=a;")]
    [InlineData("service.name=a;;p")]
    [InlineData("service.name=a;=b")]
    [InlineData("service.name=a;p=b c")]
    [InlineData("x y=1,service.name=a")] // Malformed anywhere is malformed.
    public void Anything_else_is_refused(string text) => Assert.Null(Parse(text));

    [Fact]
    public void Length_members_and_values_are_limited()
    {
        Assert.NotNull(Parse(string.Join(',', Enumerable.Repeat("a=b", 64))));
        Assert.Null(Parse(string.Join(',', Enumerable.Repeat("a=b", 65))));
        Assert.NotNull(Parse("a=" + new string('b', 512)));
        Assert.Null(Parse("a=" + new string('b', 513)));
        Assert.NotNull(Parse("a=" + string.Concat(Enumerable.Repeat("%41", 512))));
        Assert.Null(Parse("a=" + string.Concat(Enumerable.Repeat("%41", 513))));
        Assert.NotNull(Parse(new string('a', Baggage.BytesMax - 2) + "=b"));
        Assert.Null(Parse(new string('a', Baggage.BytesMax - 1) + "=b"));
    }

    [Fact]
    public void What_does_not_fit_is_not_written()
    {
        int bytes = Format(s_cart).Length;
        for (int room = 0; room < bytes; room++)
        {
            Assert.False(s_cart.TryFormat(new byte[room], out int written));
            Assert.Equal(0, written);
        }

        Assert.Equal("", Format(new Baggage()));
        Assert.Equal("", Format(new Baggage { Region = "" }));
    }

    private static Baggage? Parse(string text)
    {
        bool parsed = Baggage.TryParse(Encoding.UTF8.GetBytes(text), out Baggage? baggage);
        Assert.Equal(parsed, baggage is not null);
        return baggage;
    }

    private static string Format(Baggage baggage)
    {
        byte[] text = new byte[Baggage.BytesMax];
        Assert.True(baggage.TryFormat(text, out int bytes));
        return Encoding.UTF8.GetString(text, 0, bytes);
    }
}
