using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>Feeds one engine a fixed input, cut in any way, and returns everything it said and sent as text.</summary>
internal sealed class Conversation(Http2Role role)
{
    public Http2ConnectionOptions Options { get; init; } = new();

    /// <summary>What the owner does before any input: opens streams, say.</summary>
    public Action<Http2Connection>? Before { get; init; }

    /// <summary>What the owner does about events.</summary>
    public Action<Http2Connection, RecordingHandler>? Script { get; init; }

    /// <summary>The preface and first SETTINGS every peer begins with.</summary>
    public byte[] Opening => role == Http2Role.Server ? Wire.Join(Wire.Preface, Wire.Settings()) : Wire.Settings();

    public List<string> Run(params IEnumerable<byte[]> pieces)
    {
        var events = new RecordingHandler { JoinData = true };
        var connection = new Http2Connection(role, Options, events);
        connection.Start();
        Before?.Invoke(connection);
        Script?.Invoke(connection, events);
        List<byte> sent = [.. connection.Output.Unsent];
        connection.Output.Advance(connection.Output.UnsentBytes);
        foreach (byte[] piece in pieces)
        {
            connection.Receive(piece, nowMs: 0);
            sent.AddRange(connection.Output.Unsent);
            connection.Output.Advance(connection.Output.UnsentBytes);
        }

        List<string> transcript = [.. events.Events, .. Wire.Describe([.. sent])];
        if (connection.Error.IsError)
        {
            transcript.Add($"ERROR {connection.Error.Reason} {connection.Error.Code}");
        }

        return transcript;
    }

    /// <summary>Runs the input whole, in single bytes, and cut once at every place; all must tell the same.</summary>
    public List<string> RunEveryWay(byte[] input)
    {
        List<string> whole = Run(input);
        Assert.Equal(whole, Run(input.Select(next => (byte[])[next])));
        for (int cut = 1; cut < input.Length; cut++)
        {
            Assert.Equal(whole, Run(input[..cut], input[cut..]));
        }

        return whole;
    }

    /// <summary>As <see cref="RunEveryWay"/>, after the opening, whose own lines are left out.</summary>
    public List<string> After(params IEnumerable<byte[]> frames)
    {
        List<string> transcript = RunEveryWay(Wire.Join([Opening, .. frames]));
        transcript.Remove("Settings");
        transcript.Remove("> SettingsAck");
        return transcript;
    }
}
