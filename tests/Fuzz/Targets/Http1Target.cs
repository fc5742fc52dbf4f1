using System.Buffers;
using System.Text;
using Mesh.Fuzz.Oracles;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;

namespace Mesh.Fuzz.Targets;

/// <summary>Messages one after another on a connection, against <see cref="SlowHttp1"/>: the input whole and cut at random must tell the same.</summary>
internal abstract class Http1Target(string name) : IFuzzTarget
{
    private const string Refused = "refused";

    /// <summary>Small, so that inputs reach them.</summary>
    protected static readonly Http1Options Options = new()
    {
        StartLineBytesMax = 80,
        FieldBytesMax = 70,
        FieldsBytesMax = 160,
        FieldsMax = 5,
        ChunkExtensionBytesMax = 20,
        ChunkExtensionsBytesMax = 30,
    };

    public string Name => name;

    public abstract byte[] Generate(Random random);

    public void Run(byte[] input, FeatureSet features)
    {
        if (input.Length == 0)
        {
            return;
        }

        byte plan = input[0];
        byte[] bytes = input[1..];
        List<string> expected = Ask(new SlowHttp1(Encoding.Latin1.GetString(bytes), Options), plan);
        FuzzFailure.ThrowUnlessSame(expected, Read(bytes, plan, (all, step) =>
        {
            var whole = new ReadOnlySequence<byte>(all);
            step(ref whole);
        }), "The input in one piece:");
        FuzzFailure.ThrowUnlessSame(
            expected, Read(bytes, plan, (all, step) => Http1Input.Deliver(all, new Random(plan), step)), $"The input in pieces (cut seed {plan}):");
        features.AddSequence(expected.Select(line => line.StartsWith("content", StringComparison.Ordinal) ? "content" : KindOf(line)));
        features.AddOutcome(expected.Count == 0 ? "nothing" : expected[^1].Split(' ')[0] is var last && last is Refused or "more" ? last : "complete");
    }

    /// <summary>What a head says but for its texts: words that begin in upper case, which are versions, kinds and flags.</summary>
    private static string KindOf(string line) => string.Join(' ', line.Split('|')[0].Split(' ').Where(word => word.Length > 0 && char.IsUpper(word[0])));

    /// <summary>What the oracle says.</summary>
    protected abstract List<string> Ask(SlowHttp1 oracle, byte plan);

    /// <summary>What the readers say of an input that is delivered in some way.</summary>
    protected abstract List<string> Read(byte[] bytes, byte plan, Action<byte[], Http1Input.Step> deliver);

    protected static string Text(ReadOnlySpan<byte> text) => Encoding.Latin1.GetString(text);

    protected static string Of(BodyFraming body) => body.ContentBytes < 0 ? $"{body.Kind}" : $"{body.Kind}({body.ContentBytes})";

    protected static string Join(string start, HeaderList fields)
    {
        List<string> parts = [start];
        for (int i = 0; i < fields.Count; i++)
        {
            parts.Add($"{Text(fields[i].Name)}: {Text(fields[i].Value)}");
        }

        return string.Join(" | ", parts);
    }

    /// <summary>The content of one message, across the pieces of the input it comes in.</summary>
    protected sealed class Content(List<string> lines)
    {
        private readonly Http1BodyReader _reader = new(Options);
        private readonly StringBuilder _text = new();
        private BodyKind _kind;

        public bool IsOpen { get; private set; }

        public void Begin(BodyFraming framing)
        {
            _kind = framing.Kind;
            IsOpen = framing.HasContent;
            _text.Clear();
            _reader.Begin(framing.HasContent ? framing : BodyFraming.None);
        }

        /// <returns>False when no more of the input is wanted.</returns>
        public bool Read(ref ReadOnlySequence<byte> input)
        {
            Http1ReadStatus status;
            while ((status = _reader.Read(ref input, out ReadOnlySequence<byte> next)) == Http1ReadStatus.Content)
            {
                _text.Append(Encoding.Latin1.GetString(next));
            }

            if (status != Http1ReadStatus.NeedMore)
            {
                Finish(status == Http1ReadStatus.Refused ? Refused : "");
            }

            return status != Http1ReadStatus.Refused;
        }

        /// <summary>Says how content ends that the input did not end.</summary>
        public void End()
        {
            if (IsOpen)
            {
                Finish(_reader.End() == Http1ReadStatus.Complete ? "" : "more");
            }
        }

        private void Finish(string how)
        {
            IsOpen = false;
            bool isInTrailers = _kind == BodyKind.Chunked && how.Length == 0;
            lines.Add($"content {_text}");
            if (isInTrailers)
            {
                lines.Add(Join("trailers", _reader.Trailers));
            }

            if (how.Length > 0)
            {
                lines.Add(how);
            }
        }
    }
}
