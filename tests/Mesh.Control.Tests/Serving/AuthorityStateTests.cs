using System.Security.Cryptography;
using Mesh.Api.Identity;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.State;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Serving;

/// <summary>What the authority keeps, and from whom.</summary>
public sealed class AuthorityStateTests : AuthorityTests
{
    [Fact]
    public async Task Keys_are_for_the_owner_and_trust_is_for_everybody()
    {
        await OpenAsync();

        const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.All(
            Directory.GetFiles(Files["state/ca"]), path => Assert.Equal(OwnerOnly, File.GetUnixFileMode(path)));
        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(Files["state/ca"]));
        foreach (string path in new[] { State.RootCertificateFile, State.RevocationListFile })
        {
            Assert.Equal(OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead, File.GetUnixFileMode(path));
            Assert.DoesNotContain(
                "PRIVATE", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_root_survives_a_restart()
    {
        string before = (await OpenAsync()).Trust.RootCertificatesPem;
        string after = (await OpenAsync()).Trust.RootCertificatesPem;
        Assert.Equal(before, after);
    }

    [Fact]
    public async Task AState_directory_belongs_to_one_trust_domain()
    {
        CertificateAuthority authority = await OpenAsync();

        StateFormatException exception = await Assert.ThrowsAsync<StateFormatException>(
            () => OpenAsync(trustDomain: TrustDomain.Parse("other.domain")));

        Assert.Equal(State.CertificateFile(authority.ActiveKeyId), exception.File);
        Assert.Contains("other.domain", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_brokenState_file_is_named_and_what_was_loaded_stays()
    {
        CertificateAuthority authority = await OpenAsync();
        string keyId = authority.ActiveKeyId;
        await File.WriteAllTextAsync(State.AuthorityFile, "{\"authorities\":[]}", TestContext.Current.CancellationToken);

        StateFormatException exception = await Assert.ThrowsAsync<StateFormatException>(() => MaintainAsync(authority));

        Assert.Equal(State.AuthorityFile, exception.File);
        Assert.Equal(keyId, authority.ActiveKeyId);
        await Assert.ThrowsAsync<StateFormatException>(() => OpenAsync());
    }

    [Fact]
    public async Task A_line_of_the_log_cut_short_by_a_crash_is_passed_over()
    {
        CertificateAuthority authority = await OpenAsync();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Issue(authority, key);
        authority.Dispose();
        await File.AppendAllTextAsync(State.IssuedFile, "{\"serial\":\"12", TestContext.Current.CancellationToken);

        CertificateAuthority again = await OpenAsync();
        Issue(again, key);

        Assert.Equal(2, (await Revocations.RevokeAsync(State, _ => true, Time.GetUtcNow(), TestContext.Current.CancellationToken)).Count);
    }

    [Fact]
    public async Task A_key_others_can_read_is_refused()
    {
        (SuppliedAuthorityOptions supplied, _) = WriteSupplied("a");
        File.SetUnixFileMode(supplied.KeyFile, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        await OpenAsync(supplied: supplied);
        File.SetUnixFileMode(supplied.KeyFile, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        await RefusedAsync(supplied, supplied.KeyFile, "0600");

        string own = State.KeyFile((await OpenAsync()).ActiveKeyId);
        File.SetUnixFileMode(own, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        StateFormatException exception = await Assert.ThrowsAsync<StateFormatException>(() => OpenAsync());
        Assert.Equal(own, exception.File);
        Assert.Contains("0640", exception.Message, StringComparison.Ordinal);

        File.SetUnixFileMode(own, UnixFileMode.UserRead);
        await OpenAsync();
    }

    [Fact]
    public void AState_directory_everybody_may_write_to_is_refused()
    {
        Directory.CreateDirectory(Files["open"]);
        File.SetUnixFileMode(Files["open"], (UnixFileMode)0b111_111_111);
        Assert.Contains(
            "Everybody",
            Assert.Throws<StateFormatException>(() => new StateDirectory(Files["open"], TimeProvider.System)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_record_written_in_part_does_not_swallow_the_next_one()
    {
        using var written = new MemoryStream();
        using var log = new IssuedLog(State, new StumblingStream(written, failAt: 2));
        log.Append(Record("a"));
        Assert.Throws<IOException>(() => log.Append(Record("b")));
        log.Append(Record("c"));

        StateDirectory.WriteSecret(State.IssuedFile, written.ToArray());
        Assert.Equal(["a", "c"], IssuedLog.Read(State).Select(record => record.Serial));
        Assert.Equal(Record("c").ExpiresAt, log.LastExpiryOf("k"));
    }

    [Fact]
    public void Records_go_on_where_the_file_cannot_be_written_anew()
    {
        using IssuedLog log = IssuedLog.Open(State, Time.GetUtcNow() - TimeSpan.FromHours(1));
        log.Append(Record("a"));

        // What stands in the place of the file that would be written.
        string inTheWay = Directory.CreateDirectory($"{State.IssuedFile}.{Environment.ProcessId}.new").FullName;
        Assert.ThrowsAny<SystemException>(() => log.Compact(Time.GetUtcNow() - TimeSpan.FromHours(1)));
        log.Append(Record("b"));
        Directory.Delete(inTheWay);
        log.Compact(Time.GetUtcNow() - TimeSpan.FromHours(1));
        log.Append(Record("c"));

        Assert.Equal(["a", "b", "c"], IssuedLog.Read(State).Select(record => record.Serial));
    }

    private IssuedRecord Record(string serial) => new()
    {
        Serial = serial,
        IssuerKeyId = "k",
        Identity = Cart.ToString(),
        Node = "node-1",
        ExpiresAt = Time.GetUtcNow(),
    };

    /// <summary>Writes half of what it is given at one of the writes, and fails: a disk that is full.</summary>
    private sealed class StumblingStream(Stream inner, int failAt) : MemoryStream
    {
        private int _writes;

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            bool fails = ++_writes == failAt;
            inner.Write(fails ? buffer[..(buffer.Length / 2)] : buffer);
            if (fails)
            {
                throw new IOException("No space left on device.");
            }
        }
    }
}
