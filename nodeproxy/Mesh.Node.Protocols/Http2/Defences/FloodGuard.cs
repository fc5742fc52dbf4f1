namespace Mesh.Node.Protocols.Http2.Defences;

/// <summary>The budgets of one connection for what a peer may make us do. A mutable struct, owned by the connection.</summary>
internal struct FloodGuard(Http2ConnectionOptions options)
{
    public TokenBucket UnansweredResets = new(options.UnansweredResets);
    public TokenBucket ProvokedResets = new(options.ProvokedResets);
    public TokenBucket SettingsFrames = new(options.SettingsFrames);
    public TokenBucket PingFrames = new(options.PingFrames);
    public TokenBucket EmptyDataFrames = new(options.EmptyDataFrames);
    public TokenBucket WindowUpdateFrames = new(options.WindowUpdateFrames);
    public TokenBucket PriorityFrames = new(options.PriorityFrames);
    public TokenBucket IgnoredFrames = new(options.IgnoredFrames);
}
