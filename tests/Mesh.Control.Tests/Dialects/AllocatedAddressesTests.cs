using System.Globalization;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Dialects;

/// <summary>
/// Goal: a ServiceEntry without addresses is given some, the same at every start. Method: manifests, and what services of the model have.
/// </summary>
public sealed class AllocatedAddressesTests : IDisposable
{
    private readonly ScratchDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Each_host_has_an_address_of_each_family_that_follows_from_its_name()
    {
        _directory.Write("a.yaml", Entry("a", "a.example.com, api.example.com"));
        MeshModel model = await TranslateAsync();
        Assert.Equal("240.240.54.224 2001:2::f0f0:36e0", AddressesOf(model, "a.example.com"));
        Assert.Equal("240.240.137.108 2001:2::f0f0:896c", AddressesOf(model, "api.example.com"));

        // Another start, with more around it.
        _directory.Write("b.yaml", string.Concat(Enumerable.Range(0, 100).Select(i => Entry(Text($"e{i}"), Text($"h{i}.example.com")))));
        MeshModel more = await TranslateAsync();
        Assert.Equal("240.240.54.224 2001:2::f0f0:36e0", AddressesOf(more, "a.example.com"));
        Assert.Equal(102, more.Namespaces["shop"].Services.SelectMany(service => service.Addresses).Count(address => address.Address.GetAddressBytes().Length == 4));
        Assert.Distinct(more.Namespaces["shop"].Services.SelectMany(service => service.Addresses));
    }

    [Theory]
    [InlineData("hosts: ['*.example.com']", "*.example.com")]
    [InlineData("hosts: [a.example.com], resolution: NONE", "a.example.com")]
    [InlineData("hosts: [a.example.com], addresses: [192.0.2.1]", "a.example.com", "192.0.2.1")]
    public async Task Who_cannot_use_one_or_has_one_is_given_none(string fields, string host, string addresses = "")
    {
        string resolution = fields.Contains("resolution", StringComparison.Ordinal) ? "" : ", resolution: STATIC";
        string spec = $"{{{fields}{resolution}, ports: [{{name: tcp, number: 1}}]}}";
        _directory.Write(
            "a.yaml", $"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: e, namespace: shop}}\nspec: {spec}\n");
        Assert.Equal(addresses, AddressesOf(await TranslateAsync(), host));
    }

    [Fact]
    public async Task A_label_declines()
    {
        _directory.Write("a.yaml", Entry("a", "a.example.com", metadata: ", labels: {networking.istio.io/enable-autoallocate-ip: 'false'}"));
        Assert.Equal("", AddressesOf(await TranslateAsync(), "a.example.com"));
    }

    [Fact]
    public async Task What_somebody_chose_for_himself_is_given_to_nobody_else()
    {
        _directory.Write(
            "a.yaml",
            Entry("a", "a.example.com") + Entry("b", "b.example.com", "addresses: [240.240.54.224], ") + Entry("c", "c.example.com", "addresses: ['2001:2::f0f0:36e1'], "));
        MeshModel model = await TranslateAsync();
        Assert.Equal("240.240.54.226 2001:2::f0f0:36e2", AddressesOf(model, "a.example.com"));
    }

    [Fact]
    public async Task Of_two_hosts_with_one_choice_the_older_entry_keeps_it()
    {
        // Of all names of this form, the first two that come to one slot.
        var slots = new Dictionary<string, string>(StringComparer.Ordinal);
        string[] hosts = [.. Enumerable.Range(0, 2_000).Select(i => Text($"clash{i}.example.com"))];
        var alone = new MeshTranslator(new TranslationOptions());
        (string First, string Second) pair = ("", "");
        foreach (string host in hosts)
        {
            _directory.Write("a.yaml", Entry("only", host));
            string slot = AddressesOf(alone.Translate((await Manifests.ReadAsync(_directory.Path)).Objects).Model, host);
            if (!slots.TryAdd(slot, host))
            {
                pair = (slots[slot], host);
                break;
            }
        }

        Assert.NotEqual("", pair.Second);
        string chosen = slots.First(entry => entry.Value == pair.First).Key;
        _directory.Write(
            "a.yaml",
            Entry("a-young", pair.First, metadata: ", creationTimestamp: 2026-02-01T00:00:00Z")
            + Entry("b-old", pair.Second, metadata: ", creationTimestamp: 2026-01-01T00:00:00Z"));
        MeshModel both = await TranslateAsync();
        Assert.Equal(chosen, AddressesOf(both, pair.Second));
        Assert.NotEqual(chosen, AddressesOf(both, pair.First));
        Assert.NotEqual("", AddressesOf(both, pair.First));
    }

    private static string Entry(string name, string hosts, string fields = "", string metadata = "") => Text(
        $$"""
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: {name: {{name}}, namespace: shop{{metadata}}}
        spec: {hosts: [{{hosts}}], {{fields}}ports: [{name: http, number: 80, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 192.0.2.9}]}
        ---

        """);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string AddressesOf(MeshModel model, string host) => string.Join(
        ' ', model.Namespaces["shop"].Services.Single(service => service.Key.Hostname == host).Addresses.Select(address => address.Address));

    private async Task<MeshModel> TranslateAsync() =>
        new MeshTranslator(new TranslationOptions()).Translate((await Manifests.ReadAsync(_directory.Path)).Objects).Model;
}
