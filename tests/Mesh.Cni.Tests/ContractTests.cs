using System.Text;
using Mesh.Cni.Contract;
using Xunit;

namespace Mesh.Cni.Tests;

/// <summary>What is no message between plugin and agent is refused whole, and nothing outgrows its limit.</summary>
public sealed class ContractTests
{
    private const string About = "\"containerId\":\"a\",\"interfaceName\":\"eth0\"";

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"version\":1,\"command\":\"LIST\"}")]
    [InlineData("{\"version\":2,\"command\":\"STATUS\"}")]
    [InlineData("{\"version\":1,\"command\":\"STATUS\",\"more\":1}")]
    [InlineData("{\"version\":1,\"version\":1,\"command\":\"STATUS\"}")]
    [InlineData("{\"version\":1,\"command\":\"DEL\"}")]
    [InlineData("{\"version\":1,\"command\":\"ADD\"," + About + "}")]
    [InlineData("{\"version\":1,\"command\":\"CHECK\"," + About + ",\"networkNamespace\":\"/x\",\"podName\":\"p\"}")]
    public void What_is_no_request_is_refused(string text) =>
        Assert.Throws<CniMessageException>(() => CniMessages.DecodeRequest(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Messages_are_bounded_both_ways()
    {
        Assert.Throws<CniMessageException>(() => CniMessages.DecodeRequest(new byte[CniMessages.RequestBytesMax + 1]));
        Assert.Throws<CniMessageException>(() => CniMessages.DecodeAnswer(new byte[CniMessages.AnswerBytesMax + 1]));
        CniRequest request = new()
        {
            Version = CniMessages.Version,
            Command = CniCommand.CollectGarbage,
            ValidAttachments =
            [
                .. Enumerable.Repeat(new CniAttachment { ContainerId = new string('a', 64), InterfaceName = "eth0" }, 1000),
            ],
        };
        Assert.Throws<CniMessageException>(() => CniMessages.Encode(request));

        // The worst a text can become: six bytes for each character.
        string long_ = new('\u0001', 100_000);
        byte[] answer = CniMessages.Encode(CniAnswer.Failure(CniErrorCode.Internal, long_, long_));
        Assert.InRange(answer.Length, 1, CniMessages.AnswerBytesMax);
        Assert.StartsWith("\u0001", CniMessages.DecodeAnswer(answer).Message, StringComparison.Ordinal);
    }
}
