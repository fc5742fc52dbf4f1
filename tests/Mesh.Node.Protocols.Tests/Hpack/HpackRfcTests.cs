using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Hpack;

namespace Mesh.Node.Protocols.Tests.Hpack;

/// <summary>Goal: the worked examples of RFC 7541 appendix C decode to what the RFC says, table sizes included.</summary>
public sealed class HpackRfcTests
{
    private const string Date1 = "date: Mon, 21 Oct 2013 20:13:21 GMT";
    private const string Date2 = "date: Mon, 21 Oct 2013 20:13:22 GMT";

    private static readonly string[] s_request1 = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
    private static readonly string[] s_request2 = [.. s_request1, "cache-control: no-cache"];

    private static readonly string[] s_request3 =
    [
        ":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value",
    ];

    private static readonly string[] s_response1 = [":status: 302", "cache-control: private", Date1, "location: https://www.example.com"];
    private static readonly string[] s_response2 = [":status: 307", "cache-control: private", Date1, "location: https://www.example.com"];

    private static readonly string[] s_response3 =
    [
        ":status: 200", "cache-control: private", Date2, "location: https://www.example.com", "content-encoding: gzip",
        "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    ];

    [Fact]
    public void C_2_fields_one_by_one()
    {
        Expect(new(), "400a637573746f6d2d6b65790d637573746f6d2d686561646572", 55, "custom-key: custom-header");
        Expect(new(), "040c2f73616d706c652f70617468", 0, ":path: /sample/path");
        Expect(new(), "100870617373776f726406736563726574", 0, "password: secret");
        Expect(new(), "82", 0, ":method: GET");
    }

    [Fact]
    public void C_3_requests_without_Huffman()
    {
        var decoder = new Decoder();
        Expect(decoder, "828684410f7777772e6578616d706c652e636f6d", 57, s_request1);
        Expect(decoder, "828684be58086e6f2d6361636865", 110, s_request2);
        Expect(decoder, "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", 164, s_request3);
    }

    [Fact]
    public void C_4_requests_with_Huffman()
    {
        var decoder = new Decoder();
        Expect(decoder, "828684418cf1e3c2e5f23a6ba0ab90f4ff", 57, s_request1);
        Expect(decoder, "828684be5886a8eb10649cbf", 110, s_request2);
        Expect(decoder, "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", 164, s_request3);
    }

    [Fact]
    public void C_5_responses_without_Huffman_in_a_table_of_256_bytes()
    {
        var decoder = new Decoder(tableBytes: 256);
        Expect(
            decoder,
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            222,
            s_response1);
        Expect(decoder, "4803333037c1c0bf", 222, s_response2);
        Expect(
            decoder,
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a"
                + "584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
            215,
            s_response3);
    }

    [Fact]
    public void C_6_responses_with_Huffman_in_a_table_of_256_bytes()
    {
        var decoder = new Decoder(tableBytes: 256);
        Expect(
            decoder,
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
            222,
            s_response1);
        Expect(decoder, "4883640effc1c0bf", 222, s_response2);
        Expect(
            decoder,
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
            215,
            s_response3);
    }

    private static void Expect(Decoder decoder, string hex, int tableBytes, params string[] fields)
    {
        var headers = new HeaderList();
        Assert.Equal(HpackStatus.Ok, decoder.Hpack.Decode(Convert.FromHexString(decoder.Prefix + hex), headers));
        decoder.Prefix = "";
        Assert.Equal(fields, Text(headers));
        Assert.Equal(tableBytes, decoder.Hpack.TableBytes);
    }

    internal static List<string> Text(HeaderList headers)
    {
        List<string> lines = [];
        for (int i = 0; i < headers.Count; i++)
        {
            lines.Add($"{Encoding.Latin1.GetString(headers[i].Name)}: {Encoding.Latin1.GetString(headers[i].Value)}");
        }

        return lines;
    }

    /// <summary>A decoder whose first block announces the table the examples assume.</summary>
    private sealed class Decoder(int tableBytes = 4_096)
    {
        public HpackDecoder Hpack { get; } = new(100_000, 100_000);

        public string Prefix { get; set; } = tableBytes == 256 ? "3fe101" : "";
    }
}
