using System.Collections.Immutable;
using System.Globalization;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>
/// Reads PeerAuthentication (security.istio.io). Whatever cannot be read is read as STRICT and as applying to more, so that the result may
/// be put in force when there is no earlier version to fall back to.
/// </summary>
internal static class PeerAuthenticationReader
{
    private static readonly string[] s_specFields = ["mtls", "portLevelMtls", "selector"];
    private static readonly string[] s_modeFields = ["mode"];

    public static PeerAuthenticationSpec Read(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        FieldReader? spec = root.Section("spec");
        MutualTlsMode mode = MutualTlsMode.Unset;
        Labels? selector = null;
        ImmutableSortedDictionary<int, MutualTlsMode> portModes = ImmutableSortedDictionary<int, MutualTlsMode>.Empty;
        if (spec is not null)
        {
            mode = spec.Section("mtls") is { } mtls ? ReadMode(mtls) : MutualTlsMode.Unset;
            selector = SelectorReader.Read(spec, "selector");
            portModes = ReadPortModes(spec, selector);
            foreach (string unknown in spec.UnknownKeys(s_specFields))
            {
                spec.Error(unknown, "PeerAuthentication has no such field.", "Check the spelling.");
            }

            RefuseEmpty(spec);
        }

        return new PeerAuthenticationSpec
        {
            Source = source,
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            CreatedAt = CreationTime.Read(root),
            Selector = selector,
            IsStrictestReading = diagnostics.HasErrors,
            Mode = diagnostics.HasErrors ? MutualTlsMode.Strict : mode,
            PortModes = diagnostics.HasErrors ? ImmutableSortedDictionary<int, MutualTlsMode>.Empty : portModes,
        };
    }

    private static ImmutableSortedDictionary<int, MutualTlsMode> ReadPortModes(FieldReader spec, Labels? selector)
    {
        ImmutableSortedDictionary<int, MutualTlsMode>.Builder modes = ImmutableSortedDictionary.CreateBuilder<int, MutualTlsMode>();
        if (spec.Section("portLevelMtls") is not { } ports)
        {
            return modes.ToImmutable();
        }

        if (ports.Entries.Count == 0)
        {
            spec.Error("portLevelMtls", "No port is listed.", "Leave the field out.");
        }

        if (selector is null)
        {
            spec.Error("portLevelMtls", "Ports can be set apart only for selected workloads.", "Add a selector with matchLabels.");
        }

        RefuseEmpty(ports);

        foreach (RawEntry entry in ports.Entries)
        {
            if (!int.TryParse(entry.Key, NumberStyles.None, CultureInfo.InvariantCulture, out int port) || port is < 1 or > 65_535)
            {
                ports.Error(entry.Key, $"'{entry.Key}' is not a port.", "Write a number from 1 to 65535.");
            }
            else if (ports.Section(entry.Key) is { } mode && !modes.TryAdd(port, ReadMode(mode)))
            {
                ports.Error(entry.Key, $"Port {port} is listed twice.");
            }
        }

        return modes.ToImmutable();
    }

    private static void RefuseEmpty(FieldReader fields)
    {
        foreach (string empty in fields.NullKeys())
        {
            fields.Error(empty, "The field has no value.", "Give it one or leave it out.");
        }
    }

    private static MutualTlsMode ReadMode(FieldReader mtls)
    {
        foreach (string unknown in mtls.UnknownKeys(s_modeFields))
        {
            mtls.Error(unknown, "Here stands 'mode' and nothing else.");
        }

        RefuseEmpty(mtls);

        switch (mtls.Text("mode"))
        {
            case null or "UNSET":
                return MutualTlsMode.Unset;
            case "PERMISSIVE":
                return MutualTlsMode.Permissive;
            case "STRICT":
                return MutualTlsMode.Strict;
            case "DISABLE":
                mtls.Note("mode", "DISABLE is served as PERMISSIVE: plaintext is accepted, and so is mutual TLS.");
                return MutualTlsMode.Permissive;
            case { } other:
                mtls.Error("mode", $"'{other}' is not a mode.", "Write STRICT, PERMISSIVE, DISABLE or UNSET.");
                return MutualTlsMode.Strict;
        }
    }
}
