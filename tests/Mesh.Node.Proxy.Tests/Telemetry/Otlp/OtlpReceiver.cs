using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Tests.Telemetry.Otlp;

/// <summary>
/// A collector: takes OTLP metrics over gRPC and over HTTP on real sockets, and reads the messages with Protocol Buffers' own reader by the
/// field numbers of opentelemetry-proto.
/// </summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private const string GrpcPath = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

    private readonly WebApplication _application;
    private readonly BlockingCollection<Push> _pushes = [];

    private OtlpReceiver(WebApplication application) => _application = application;

    /// <summary>Whether pushes are refused.</summary>
    public bool IsRefusing { get; set; }

    public string Address => _application.Urls.Single();

    public static async Task<OtlpReceiver> StartAsync(HttpProtocols protocols)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = protocols));
        OtlpReceiver receiver = new(builder.Build());
        receiver._application.MapPost(GrpcPath, receiver.TakeGrpcAsync);
        receiver._application.MapPost("/v1/metrics", receiver.TakeHttpAsync);
        await receiver._application.StartAsync();
        return receiver;
    }

    /// <summary>The next push; fails when none comes.</summary>
    public Push Next() => _pushes.TryTake(out Push? push, TimeSpan.FromSeconds(20))
        ? push
        : throw new TimeoutException("No push came within 20 s.");

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        _pushes.Dispose();
    }

    private async Task TakeGrpcAsync(HttpContext context)
    {
        byte[] body = await ReadAsync(context);

        // A gRPC message: not compressed, its length, the bytes.
        const int PrefixBytes = 5;
        if (body[0] != 0 || BinaryPrimitives.ReadUInt32BigEndian(body.AsSpan(1)) != body.Length - PrefixBytes)
        {
            throw new InvalidDataException("This is no single uncompressed gRPC message.");
        }

        context.Response.ContentType = "application/grpc";
        if (!IsRefusing)
        {
            await context.Response.Body.WriteAsync(new byte[PrefixBytes]);
        }

        context.Response.AppendTrailer("grpc-status", IsRefusing ? "7" : "0");
        Take("grpc", body.AsMemory(PrefixBytes));
    }

    private async Task TakeHttpAsync(HttpContext context)
    {
        byte[] body = await ReadAsync(context);
        context.Response.StatusCode = IsRefusing ? StatusCodes.Status403Forbidden : StatusCodes.Status200OK;
        context.Response.ContentType = "application/x-protobuf";
        Take("http", body);
    }

    private void Take(string protocol, ReadOnlyMemory<byte> message)
    {
        if (!IsRefusing)
        {
            _pushes.Add(OtlpMessage.Parse(protocol, message));
        }
    }

    private static async Task<byte[]> ReadAsync(HttpContext context)
    {
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body);
        return body.ToArray();
    }

    /// <summary>One request: who sent it, and every point of every metric.</summary>
    internal sealed record Push(string Protocol, Dictionary<string, string> Resource, List<Point> Points)
    {
        /// <summary>The one point of a metric whose attributes include all of <paramref name="attributes"/>.</summary>
        public Point Point(string metric, params (string Name, string Value)[] attributes) => Points.Single(point =>
            point.Metric == metric && attributes.All(pair => point.Attributes.GetValueOrDefault(pair.Name) == pair.Value));
    }

    /// <summary>One value.</summary>
    internal sealed record Point(
        string Metric, bool IsMonotonicCumulativeSum, ulong StartUnixNs, ulong UnixNs, double Value, Dictionary<string, string> Attributes);

    /// <summary>Reads ExportMetricsServiceRequest.</summary>
    private static class OtlpMessage
    {
        private const int Cumulative = 2;

        public static Push Parse(string protocol, ReadOnlyMemory<byte> message)
        {
            Push push = new(protocol, [], []);
            foreach (ByteString resourceMetrics in Fields(message.ToArray(), 1))
            {
                foreach (ByteString resource in Fields(resourceMetrics, 1))
                {
                    ReadAttributes(Fields(resource, 1), push.Resource);
                }

                foreach (ByteString metric in Fields(resourceMetrics, 2).SelectMany(scope => Fields(scope, 2)))
                {
                    ReadMetric(metric, push.Points);
                }
            }

            return push;
        }

        private static void ReadMetric(ByteString metric, List<Point> points)
        {
            string name = Fields(metric, 1).Single().ToStringUtf8();
            const int GaugeField = 5;
            const int SumField = 7;
            foreach (ByteString gauge in Fields(metric, GaugeField))
            {
                points.AddRange(Fields(gauge, 1).Select(point => ReadPoint(name, isSum: false, point)));
            }

            foreach (ByteString sum in Fields(metric, SumField))
            {
                bool isSum = Number(sum, 2) == Cumulative && Number(sum, 3) == 1;
                points.AddRange(Fields(sum, 1).Select(point => ReadPoint(name, isSum, point)));
            }
        }

        private static Point ReadPoint(string name, bool isSum, ByteString point)
        {
            const int AttributesField = 7;
            const int DoubleField = 4;
            Dictionary<string, string> attributes = [];
            ReadAttributes(Fields(point, AttributesField), attributes);
            double value = BitConverter.UInt64BitsToDouble(Number(point, DoubleField));
            return new Point(name, isSum, Number(point, 2), Number(point, 3), value, attributes);
        }

        private static void ReadAttributes(IEnumerable<ByteString> pairs, Dictionary<string, string> attributes)
        {
            foreach (ByteString pair in pairs)
            {
                string value = Fields(Fields(pair, 2).Single(), 1).SingleOrDefault(ByteString.Empty).ToStringUtf8();
                attributes.Add(Fields(pair, 1).Single().ToStringUtf8(), value);
            }
        }

        /// <summary>The length-delimited fields of that number.</summary>
        private static List<ByteString> Fields(ByteString message, int number) => Fields(message.ToByteArray(), number);

        private static List<ByteString> Fields(byte[] message, int number)
        {
            List<ByteString> found = [];
            CodedInputStream input = new(message);
            for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
            {
                if (WireFormat.GetTagFieldNumber(tag) == number && WireFormat.GetTagWireType(tag) == WireFormat.WireType.LengthDelimited)
                {
                    found.Add(input.ReadBytes());
                }
                else
                {
                    input.SkipLastField();
                }
            }

            return found;
        }

        /// <summary>The last varint or fixed field of that number; 0 when there is none.</summary>
        private static ulong Number(ByteString message, int number)
        {
            ulong found = 0;
            CodedInputStream input = new(message.ToByteArray());
            for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
            {
                WireFormat.WireType type = WireFormat.GetTagWireType(tag);
                if (WireFormat.GetTagFieldNumber(tag) == number && type == WireFormat.WireType.Varint)
                {
                    found = input.ReadUInt64();
                }
                else if (WireFormat.GetTagFieldNumber(tag) == number && type == WireFormat.WireType.Fixed64)
                {
                    found = input.ReadFixed64();
                }
                else
                {
                    input.SkipLastField();
                }
            }

            return found;
        }
    }
}
