using Mesh.Control.Serving.Authentication;
using Mesh.Control.Serving.State;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Serving;

public sealed class JoinTokenTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly ScratchDirectory _directory = new();
    private readonly StateDirectory _state;
    private readonly JoinTokens _tokens;

    public JoinTokenTests()
    {
        _state = new StateDirectory(_directory.Path, TimeProvider.System);
        _tokens = new JoinTokens(_state);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_token_is_recognised_as_that_of_its_node()
    {
        string first = await CreateAsync("node-1");
        string second = await CreateAsync("node-2");
        _tokens.Reload();

        Assert.True(_tokens.TryRecognise(first, out NodeCaller? caller));
        Assert.Equal("node-1", caller.Node);
        Assert.True(_tokens.TryRecognise(second, out caller));
        Assert.Equal("node-2", caller.Node);
        Assert.Equal(2, _tokens.ActiveCount);
    }

    [Fact]
    public async Task The_file_does_not_hold_the_secret_and_belongs_to_its_owner_alone()
    {
        string token = await CreateAsync("node-1");
        string secret = token[(token.LastIndexOf('.') + 1)..];

        string content = await File.ReadAllTextAsync(_state.TokenFile, TestContext.Current.CancellationToken);

        Assert.DoesNotContain(secret, content, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_state.TokenFile));
    }

    [Fact]
    public async Task Every_change_of_a_token_makes_it_unknown()
    {
        string token = await CreateAsync("node-1");
        _tokens.Reload();
        for (int index = 0; index < token.Length; index++)
        {
            char other = token[index] == 'A' ? 'B' : 'A';
            Assert.False(
                _tokens.TryRecognise(string.Concat(token.AsSpan(0, index), [other], token.AsSpan(index + 1)), out _), $"position {index}");
            Assert.False(_tokens.TryRecognise(token.AsSpan(0, index), out _), $"length {index}");
        }

        Assert.False(_tokens.TryRecognise(token + "A", out _));
        Assert.False(_tokens.TryRecognise("mesh-join." + new string('é', 60), out _));
    }

    [Fact]
    public async Task A_node_has_one_token_unless_it_is_replaced()
    {
        string first = await CreateAsync("node-1");
        ArgumentException refused = await Assert.ThrowsAsync<ArgumentException>(() => CreateAsync("node-1"));
        Assert.Contains("--replace", refused.Message, StringComparison.Ordinal);

        string second = await CreateAsync("node-1", replace: true);
        _tokens.Reload();
        Assert.False(_tokens.TryRecognise(first, out _));
        Assert.True(_tokens.TryRecognise(second, out _));
        Assert.Equal(2, JoinTokenFile.Read(_state).Count);
    }

    [Fact]
    public async Task Revocation_is_felt_by_what_is_open()
    {
        string token = await CreateAsync("node-1");
        string untouched = await CreateAsync("node-2");
        _tokens.Reload();
        Assert.True(_tokens.TryRecognise(token, out NodeCaller? caller));
        Assert.True(_tokens.TryRecognise(untouched, out NodeCaller? bystander));

        JoinTokenRecord? revoked = await JoinTokenFile.RevokeAsync(_state, "node-1", s_now, TestContext.Current.CancellationToken);
        Assert.Equal(caller.TokenId, revoked?.Id);
        Assert.False(caller.Revoked.IsCancellationRequested);
        _tokens.Reload();

        Assert.True(caller.Revoked.IsCancellationRequested);
        Assert.False(bystander.Revoked.IsCancellationRequested);
        Assert.False(_tokens.TryRecognise(token, out _));
        Assert.Null(await JoinTokenFile.RevokeAsync(_state, "node-1", s_now, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"tokens":[{"id":"a","node":"n","secretHash":"zz","createdAt":"2026-01-01T00:00:00Z"}]}""")]
    [InlineData("""{"tokens":[],"more":1}""")]
    [InlineData("""{"tokens":[{"id":"a","node":"n","secretHash":"HASH","createdAt":"2026-01-01T00:00:00Z"},{"id":"b","node":"n","secretHash":"HASH","createdAt":"2026-01-01T00:00:00Z"}]}""")]
    [InlineData("""{"tokens":[{"id":"a","node":"n","secretHash":"HASH","createdAt":"2026-01-01T00:00:00Z"},{"id":"a","node":"m","secretHash":"HASH","createdAt":"2026-01-01T00:00:00Z"}]}""")]
    public async Task A_broken_file_is_named_and_changes_nothing(string content)
    {
        string token = await CreateAsync("node-1");
        _tokens.Reload();
        await File.WriteAllTextAsync(
            _state.TokenFile, content.Replace("HASH", new string('0', 64), StringComparison.Ordinal), TestContext.Current.CancellationToken);

        StateFormatException exception = Assert.Throws<StateFormatException>(_tokens.Reload);

        Assert.Equal(_state.TokenFile, exception.File);
        Assert.True(_tokens.TryRecognise(token, out _));
    }

    [Fact]
    public async Task A_file_others_can_read_or_write_is_refused_and_changes_nothing()
    {
        string token = await CreateAsync("node-1");
        _tokens.Reload();
        await CreateAsync("node-2");
        File.SetUnixFileMode(_state.TokenFile, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupWrite);

        StateFormatException exception = Assert.Throws<StateFormatException>(_tokens.Reload);

        Assert.Equal(_state.TokenFile, exception.File);
        Assert.True(_tokens.TryRecognise(token, out _));
        Assert.Equal(1, _tokens.ActiveCount);
    }

    [Theory]
    [InlineData("")]
    [InlineData("no de")]
    [InlineData("a/b")]
    [InlineData("a\nb")]
    public async Task A_node_needs_a_name(string node) => await Assert.ThrowsAsync<ArgumentException>(() => CreateAsync(node));

    [Fact]
    public async Task Two_processes_do_not_overwrite_each_other()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(index => Task.Run(() => CreateAsync($"node-{index}"))));
        Assert.Equal(20, JoinTokenFile.Read(_state).Count);
    }

    private Task<string> CreateAsync(string node, bool replace = false) =>
        JoinTokenFile.CreateAsync(_state, node, replace, s_now, TestContext.Current.CancellationToken);
}
