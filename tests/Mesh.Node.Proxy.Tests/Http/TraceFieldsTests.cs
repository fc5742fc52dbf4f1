using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Tracing;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>What a caller says of its trace in one form is said in all, and nothing is said where nothing, or nonsense, was.</summary>
public sealed class TraceFieldsTests
{
    private const string Trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    private const string Short = "a3ce929d0e0e4736";
    private const string Span = "00f067aa0ba902b7";

    [Theory]
    [InlineData($"traceparent: 00-{Trace}-{Span}-01", $"b3: {Trace}-{Span}-1|x-b3-traceid: {Trace}|x-b3-spanid: {Span}|x-b3-sampled: 1")]
    [InlineData($"traceparent: 00-{Trace}-{Span}-00", $"b3: {Trace}-{Span}-0|x-b3-traceid: {Trace}|x-b3-spanid: {Span}|x-b3-sampled: 0")]
    [InlineData($"traceparent: 00-{Trace}-{Span}-fe", $"b3: {Trace}-{Span}-0|x-b3-traceid: {Trace}|x-b3-spanid: {Span}|x-b3-sampled: 0")]
    [InlineData($"traceparent: 01-{Trace}-{Span}-01-more", $"b3: {Trace}-{Span}-1|x-b3-traceid: {Trace}|x-b3-spanid: {Span}|x-b3-sampled: 1")]
    [InlineData($"b3: {Trace}-{Span}-1", $"traceparent: 00-{Trace}-{Span}-01|x-b3-traceid: {Trace}|x-b3-spanid: {Span}|x-b3-sampled: 1")]
    [InlineData($"b3: {Trace}-{Span}-d-{Short}", $"traceparent: 00-{Trace}-{Span}-01|x-b3-traceid: {Trace}|x-b3-spanid: {Span}|x-b3-flags: 1")]
    [InlineData($"b3: {Short}-{Span}", $"traceparent: 00-0000000000000000{Short}-{Span}-00|x-b3-traceid: {Short}|x-b3-spanid: {Span}")]
    [InlineData($"x-b3-traceid: {Short}|x-b3-spanid: {Span}|x-b3-sampled: 0", $"traceparent: 00-0000000000000000{Short}-{Span}-00|b3: {Short}-{Span}-0")]
    [InlineData($"x-b3-traceid: {Trace}|x-b3-spanid: {Span}|x-b3-sampled: true", $"traceparent: 00-{Trace}-{Span}-01|b3: {Trace}-{Span}-1")]
    [InlineData($"x-b3-traceid: {Trace}|x-b3-spanid: {Span}|x-b3-flags: 1", $"traceparent: 00-{Trace}-{Span}-01|b3: {Trace}-{Span}-d")]
    [InlineData($"x-b3-traceid: {Trace}|x-b3-spanid: {Span}", $"traceparent: 00-{Trace}-{Span}-00|b3: {Trace}-{Span}")]
    [InlineData($"b3: {Trace}-{Span}-1|x-b3-traceid: {Short}", $"traceparent: 00-{Trace}-{Span}-01")]
    [InlineData($"traceparent: nonsense|b3: {Trace}-{Span}", $"x-b3-traceid: {Trace}|x-b3-spanid: {Span}")]
    public void The_forms_that_are_missing_are_added(string given, string added) =>
        Assert.Equal($"{given}|{added}", Complete(given));

    [Theory]
    [InlineData("x-request-id: 7")]
    [InlineData($"traceparent: 00-{Trace}-{Span}-01|b3: {Short}-{Span}|x-b3-sampled: 0")]
    [InlineData("b3: 0")]
    [InlineData("x-b3-sampled: 1")]
    [InlineData($"x-b3-traceid: {Trace}")]
    [InlineData($"traceparent: 00-{Trace}-{Span}-01|traceparent: 00-{Trace}-{Span}-00")]
    [InlineData($"traceparent: ff-{Trace}-{Span}-01")]
    [InlineData($"traceparent: 00-{Trace}-{Span}-01-more")]
    [InlineData($"traceparent: 01-{Trace}-{Span}-01more")]
    [InlineData($"traceparent: 00-{Trace}-{Span}-0")]
    [InlineData($"traceparent: 00-{Trace}-{Span}-0g")]
    [InlineData($"traceparent: 00-{Trace}-0000000000000000-01")]
    [InlineData($"traceparent: 00-00000000000000000000000000000000-{Span}-01")]
    [InlineData($"traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-{Span}-01")]
    [InlineData($"traceparent: 00_{Trace}-{Span}-01")]
    [InlineData($"b3: {Trace}-{Span}1")]
    [InlineData($"b3: {Trace}-{Span}-")]
    [InlineData($"b3: {Trace}-{Span}-11")]
    [InlineData($"b3: {Trace}")]
    [InlineData("b3: -")]
    [InlineData($"b3: abc-{Span}-1")]
    [InlineData("")]
    public void What_says_nothing_that_can_be_read_stays_as_it_is(string given) => Assert.Equal(given, Complete(given));

    [Fact]
    public void Nothing_is_allocated()
    {
        var fields = new HeaderList();
        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int round = 0; round < 1_000; round++)
            {
                fields.Clear();
                fields.Add("traceparent"u8, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"u8);
                TraceFields.Complete(fields);
            }
        }));
    }

    private static string Complete(string given)
    {
        var fields = new HeaderList();
        foreach (string field in given.Split('|', StringSplitOptions.RemoveEmptyEntries))
        {
            int colon = field.IndexOf(": ", StringComparison.Ordinal);
            fields.Add(Encoding.ASCII.GetBytes(field[..colon]), Encoding.ASCII.GetBytes(field[(colon + 2)..]));
        }

        TraceFields.Complete(fields);
        var all = new List<string>();
        for (int i = 0; i < fields.Count; i++)
        {
            all.Add($"{Encoding.ASCII.GetString(fields[i].Name)}: {Encoding.ASCII.GetString(fields[i].Value)}");
        }

        return string.Join('|', all);
    }
}
