using System.Buffers;
using Mesh.Node.Model.Routing;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Exchanges;
using Mesh.Node.Proxy.Http.Outbound;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Http.Mirrors;

/// <summary>
/// A copy of a request, sent to a destination of its own: with the destination's circuit and health, judged by policy where it arrives,
/// tried once, and its answer thrown away. It never makes the request it is a copy of wait, and never makes it fail.
/// </summary>
/// <remarks>Used for one copy after another. Lives on the request's loop.</remarks>
internal sealed class MirrorExchange : OutboundExchange
{
    /// <summary>How long an answer is waited for once the request itself is over, where its route limits neither.</summary>
    private static readonly TimeSpan s_answerTime = TimeSpan.FromSeconds(15);

    private readonly MirrorContent _content;
    private readonly MirrorClient _client;
    private ForwardAction? _action;
    private MirrorSet? _set;
    private TimeSpan? _timeLimit;

    public MirrorExchange(OutboundServer server)
        : base(server)
    {
        _content = new MirrorContent(Context.Loop, server.Origin.Pod.Buffers, Context.Services.Http.MirrorBytesMax);
        _client = new MirrorClient(_content);
    }

    /// <summary>Begins a copy, which runs by itself from here on.</summary>
    /// <param name="set">Those of the same request; told when this one is over.</param>
    /// <param name="mirror">Where it goes.</param>
    /// <param name="head">The request as its first attempt sends it.</param>
    /// <param name="timeLimit">The route's; null for none.</param>
    public void Start(MirrorSet set, Mirror mirror, RequestHead head, TimeSpan? timeLimit)
    {
        _set = set;
        _action = mirror.Forward;
        _timeLimit = timeLimit;
        _content.Begin(head.Body.HasContent);
        _client.Begin(head);
        _ = RunAsync();
    }

    /// <summary>Further content; a mirror that is too far behind for it is given up.</summary>
    public void Take(in ReadOnlySequence<byte> bytes)
    {
        if (!_content.TryTake(bytes))
        {
            Context.Requests.MirrorDropped();
            EndBy(LocalAnswer.Overflow, ResponseDetails.MirrorBehind);
        }
    }

    /// <summary>That was all of the content.</summary>
    public void TakeEnd(HeaderList trailers) => _content.End(trailers);

    /// <summary>The request itself is over: a copy without all of its content is given up, another has a limited time left.</summary>
    public void Outlive()
    {
        if (!_content.IsEnded)
        {
            _client.Leave();
        }
        else if (_timeLimit is null)
        {
            LimitRequest(s_answerTime);
        }
    }

    protected override ValueTask DecideAsync()
    {
        Forget();
        Record.IsMirror = true;
        Record.SetRequest(Client.Request);
        if (_timeLimit is TimeSpan limit)
        {
            LimitRequest(limit);
        }

        return ForwardAsync(_action);
    }

    /// <summary>It is kept by its set.</summary>
    protected override void Recycle()
    {
    }

    private async Task RunAsync()
    {
        try
        {
            await ServeAsync(_client);
        }
#pragma warning disable CA1031 // Whatever it is, it concerns this copy; the log has it whole.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            Log.ConnectionFaulted(Context.Services.Logger, Connection.Id, fault);
        }

        _content.Clear();
        MirrorSet set = _set!;
        _set = null;
        _action = null;
        set.OnOver(this);
    }
}
