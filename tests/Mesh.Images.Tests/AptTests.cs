using Mesh.Images.Debian;
using Xunit;

namespace Mesh.Images.Tests;

/// <summary>apt is asked for another suite at the places where this machine's own is had, and understood.</summary>
public sealed class AptTests
{
    [Fact]
    public void The_sources_of_the_machine_become_those_of_the_suite()
    {
        const string Targets = """
            mirror:/a/|bookworm|main|amd64|$(SIGNED_BY)
            mirror:/a/|bookworm|main|i386|$(SIGNED_BY)
            mirror:/a/|bookworm|contrib|amd64|$(SIGNED_BY)
            mirror:/a/|bookworm-updates|main|amd64|/usr/share/keyrings/debian.gpg
            mirror:/a/|bookworm-backports|main|amd64|
            mirror:/b/|bookworm-security|main|amd64|
            mirror:/c/|nodistro|main|amd64|

            """;

        string lines = AptSources.Translate(Targets, "bookworm", "trixie", "amd64");

        Assert.Equal(
            """
            deb [arch=amd64 signed-by=/usr/share/keyrings/debian.gpg] mirror:/a/ trixie-updates main
            deb [arch=amd64] mirror:/a/ trixie main
            deb [arch=amd64] mirror:/b/ trixie-security main

            """,
            lines);
    }

    [Fact]
    public void A_machine_without_sources_is_told_what_to_do()
    {
        ImageException thrown = Assert.Throws<ImageException>(
            () => AptSources.Translate("mirror:/c/|nodistro|main|amd64|\n", "bookworm", "trixie", "amd64"));

        Assert.Contains("no source of 'bookworm'", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("--sources", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_suite_of_the_machine_is_read()
    {
        Assert.Equal("bookworm", AptSources.SuiteOf("NAME=\"Debian GNU/Linux\"\nVERSION_CODENAME=bookworm\nID=debian\n"));
        Assert.Throws<ImageException>(() => AptSources.SuiteOf("ID=ubuntu\nVERSION_CODENAME=noble\n"));
        Assert.Throws<ImageException>(() => AptSources.SuiteOf("ID=debian\n"));
    }

    [Fact]
    public void What_a_simulated_run_would_unpack_is_read()
    {
        const string Planned = """
            Reading package lists...
            Inst gcc-14-base (14.2.0-19 Debian:13.8/stable [amd64]) []
            Inst libattr1 (1:2.5.2-3 Debian:13.8/stable, Debian-Security:13/stable-security [amd64])
            Inst debconf (1.5.91 Debian:13.8/stable [all])
            Conf debconf (1.5.91 Debian:13.8/stable [all])
            """;

        Assert.Equal(
            [("gcc-14-base", "14.2.0-19", "amd64"), ("libattr1", "1:2.5.2-3", "amd64"), ("debconf", "1.5.91", "all")],
            AptRoot.PlannedPackages(Planned));
    }
}
