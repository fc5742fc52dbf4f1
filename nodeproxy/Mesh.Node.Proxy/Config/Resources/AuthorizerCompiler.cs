using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Policies;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Authorizers;
using Mesh.Node.Model.Routing;
using Authorizer = Mesh.Node.Model.Policies.Authorizers.Authorizer;
using Field = Mesh.Node.Proxy.Config.Resources.Traffic.Field;
using Proto = Mesh.Api.Policies;
using Wire = Mesh.Api.Security;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>Whom a policy has asked and how, from this mesh's own extension. It is read whole or refused: then nobody is asked.</summary>
internal static class AuthorizerCompiler
{
    private const int ContentBytesMax = 1_048_576;
    private const int NamesMax = 256;
    private const int StatusMin = 400;
    private const int StatusMax = 599;

    private static readonly SearchValues<char> s_tokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private static readonly SearchValues<char> s_breaks = SearchValues.Create("\r\n\0");

    /// <summary>Reads the extension's content.</summary>
    /// <returns>The authorizer's name, and how it is asked: null where nobody of that name is known.</returns>
    /// <exception cref="ResourceRefusedException">Something of it cannot be read.</exception>
    public static (string Name, Authorizer? Authorizer) Compile(Any? config)
    {
        CustomAuthorization wire;
        try
        {
            if (config is null || !config.TryUnpack(out wire) || wire.Provider.Length == 0)
            {
                throw new ResourceRefusedException("it names no authorizer");
            }
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new ResourceRefusedException($"its content cannot be decoded: {exception.Message}");
        }

        if (UnknownFields.AreIn(wire, UnknownFields.Without(wire, CustomAuthorization.Parser)))
        {
            throw new ResourceRefusedException("it has fields that are not known here");
        }

        return (wire.Provider, wire.Authorizer is Proto.Authorizer authorizer ? Read(wire.Provider, authorizer) : null);
    }

    private static Authorizer Read(string name, Proto.Authorizer wire)
    {
        var field = new Field("authorizer");
        field["service"].Require(wire.Service.Contains('/', StringComparison.Ordinal), $"'{wire.Service}' names no service");
        field["protocol"].Require(System.Enum.IsDefined(wire.Protocol), $"{wire.Protocol:D} is not known here");
        field["path_prefix"].Require(
            wire.PathPrefix.Length == 0 || (wire.PathPrefix[0] == '/' && Ascii.IsValid(wire.PathPrefix)
                && !wire.PathPrefix.AsSpan().ContainsAny(' ', '?', '#')),
            $"'{wire.PathPrefix}' is not the beginning of a path");
        return new Authorizer
        {
            Name = name,
            ServiceKey = wire.Service,
            Port = field["port"].Port(wire.Port),
            Protocol = wire.Protocol == Proto.Authorizer.Types.Protocol.Grpc ? AuthorizerProtocol.Grpc : AuthorizerProtocol.Http,
            Timeout = field["timeout"].Time(wire.Timeout) ?? throw field["timeout"].Refuse("it is missing"),
            FailsOpen = wire.FailOpen,
            StatusOnFailure = field["status_on_failure"].Number(wire.StatusOnFailure, StatusMin, StatusMax),
            PathPrefix = wire.PathPrefix,
            RequestFields = Names(wire.RequestFields, field["request_fields"]),
            AddedFields = Added(wire.AddedFields, field["added_fields"]),
            Content = wire.Content is Proto.Authorizer.Types.CheckedContent content
                ? new CheckedContent(
                    field["content"]["bytes_max"].Number(content.BytesMax, 1, ContentBytesMax), content.MayBePartial, content.IsRaw)
                : null,
            UpstreamFields = Names(wire.UpstreamFields, field["upstream_fields"]),
            AllowedAnswerFields = Names(wire.AllowedAnswerFields, field["allowed_answer_fields"]),
            DeniedAnswerFields = wire.DeniedAnswerFields.Count == 0
                ? null
                : Names(wire.DeniedAnswerFields, field["denied_answer_fields"]),
        };
    }

    private static FieldNames Names(RepeatedField<Wire.StringMatch> wire, Field field)
    {
        field.Require(wire.Count <= NamesMax, $"{wire.Count} names are more than {NamesMax}");
        return new FieldNames(field.Each(wire, static (match, item) =>
        {
            (bool isReadable, TextMatch text) = PolicyCompiler.ReadText(match);
            item.Require(isReadable, "it cannot be understood");
            return text;
        }));
    }

    private static ImmutableArray<HeaderField> Added(RepeatedField<Proto.Authorizer.Types.AddedField> wire, Field field)
    {
        field.Require(wire.Count <= NamesMax, $"{wire.Count} fields are more than {NamesMax}");
        return field.Each(wire, static (added, item) =>
        {
            item["name"].Require(
                added.Name.Length > 0 && !added.Name.AsSpan().ContainsAnyExcept(s_tokenCharacters), $"'{added.Name}' names no field");
            item["value"].Require(!added.Value.AsSpan().ContainsAny(s_breaks), "it is no value of a field");
            return new HeaderField(added.Name, added.Value);
        });
    }
}
