using System.Text;
using System.Text.Json;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Hpack;

namespace Mesh.Node.Protocols.Tests.Hpack;

/// <summary>
/// Goal: we understand five other encoders, and what we encode decodes to the same. Method: stories of http2jp/hpack-test-case, the few
/// beside this file or all of them where MESH_HPACK_STORIES says.
/// </summary>
public sealed class HpackVectorTests
{
    private static readonly string s_root =
        Environment.GetEnvironmentVariable("MESH_HPACK_STORIES") ?? Path.Combine(AppContext.BaseDirectory, "Hpack", "Stories");

    public static TheoryData<string> Encoders =>
        [.. Directory.GetDirectories(s_root).Select(path => Path.GetFileName(path)).Where(name => name != "raw-data").Order()];

    [Theory]
    [MemberData(nameof(Encoders))]
    public void Every_story_of_another_encoder_decodes(string encoder)
    {
        string[] stories = Directory.GetFiles(Path.Combine(s_root, encoder), "story_*.json");
        Assert.NotEmpty(stories);
        foreach (string story in stories)
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(story));
            var decoder = new HpackDecoder(1_000_000, 1_000_000);
            foreach (JsonElement block in json.RootElement.GetProperty("cases").EnumerateArray())
            {
                // A story that changes the table announces it on the wire; the limit follows, as after SETTINGS.
                if (block.TryGetProperty("header_table_size", out JsonElement size))
                {
                    decoder.SetTableLimit(size.GetInt32());
                }

                var headers = new HeaderList();
                byte[] wire = Convert.FromHexString(block.GetProperty("wire").GetString()!);
                Assert.Equal(HpackStatus.Ok, decoder.Decode(wire, headers));
                Assert.Equal(Fields(block), HpackRfcTests.Text(headers));
            }
        }
    }

    [Fact]
    public void Every_story_survives_our_encoder()
    {
        string[] stories = Directory.GetFiles(Path.Combine(s_root, "raw-data"), "story_*.json");
        Assert.NotEmpty(stories);
        long rawBytes = 0;
        long encodedBytes = 0;
        foreach (string story in stories)
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(story));
            var encoder = new HpackEncoder();
            var decoder = new HpackDecoder(1_000_000, 1_000_000);
            foreach (JsonElement block in json.RootElement.GetProperty("cases").EnumerateArray())
            {
                var headers = new HeaderList();
                foreach (JsonElement field in block.GetProperty("headers").EnumerateArray())
                {
                    JsonProperty property = field.EnumerateObject().Single();
                    headers.Add(Encoding.Latin1.GetBytes(property.Name), Encoding.Latin1.GetBytes(property.Value.GetString()!));
                }

                byte[] wire = new byte[HpackEncoder.EncodedBytesMax(headers)];
                int bytes = encoder.Encode(headers, wire);
                var decoded = new HeaderList();
                Assert.Equal(HpackStatus.Ok, decoder.Decode(wire.AsSpan(0, bytes), decoded));
                Assert.Equal(Fields(block), HpackRfcTests.Text(decoded));
                rawBytes += headers.ListBytes - (headers.Count * HeaderList.FieldOverheadBytes);
                encodedBytes += bytes;
            }
        }

        // nghttp2 needs about a third; more than four tenths would mean the tables are not used.
        Assert.InRange((double)encodedBytes / rawBytes, 0.1, 0.4);
    }

    private static string[] Fields(JsonElement block) =>
        block.GetProperty("headers").EnumerateArray().Select(field => field.EnumerateObject().Single())
            .Select(property => $"{property.Name}: {property.Value.GetString()}").ToArray();
}
