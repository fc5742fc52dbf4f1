using System.Collections.Immutable;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Policies;
using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Model.Routing;
using Mesh.Node.Proxy.Authentication;
using Field = Mesh.Node.Proxy.Config.Resources.Traffic.Field;
using Proto = Mesh.Api.Policies;
using TokenKey = Mesh.Node.Model.Policies.Tokens.TokenKey;
using TokenRule = Mesh.Node.Model.Policies.Tokens.TokenRule;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>
/// Whose tokens requests may bear, from this mesh's own extension. It is read whole or refused: a rule that is left out could let a token
/// pass unverified, or hide one.
/// </summary>
internal static class TokenRulesCompiler
{
    private const int RulesMax = 4_096;
    private const int KeysMax = 128;
    private const int PlacesMax = 32;

    /// <exception cref="ResourceRefusedException">Something of it cannot be read.</exception>
    public static ImmutableArray<TokenRule> Compile(Any? config)
    {
        if (config is null || !config.Is(RequestAuthentication.Descriptor))
        {
            throw new ResourceRefusedException($"its content is a '{config?.TypeUrl}'");
        }

        RequestAuthentication wire;
        try
        {
            wire = RequestAuthentication.Parser.ParseFrom(config.Value);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new ResourceRefusedException($"its content cannot be decoded: {exception.Message}");
        }

        if (UnknownFields.AreIn(wire, UnknownFields.Without(wire, RequestAuthentication.Parser)))
        {
            throw new ResourceRefusedException("it has fields that are not known here");
        }

        Field rules = new Field("")["rules"];
        rules.Require(wire.Rules.Count is > 0 and <= RulesMax, $"{wire.Rules.Count} rules are not from 1 to {RulesMax}");
        return rules.Each(wire.Rules, Rule);
    }

    private static TokenRule Rule(Proto.TokenRule wire, Field field)
    {
        field["keys"].Require(wire.Keys.Count <= KeysMax, $"{wire.Keys.Count} keys are more than {KeysMax}");
        int places = wire.Headers.Count + wire.Parameters.Count + wire.Cookies.Count;
        field.Require(places <= PlacesMax, $"{places} places of tokens are more than {PlacesMax}");
        return new TokenRule
        {
            Issuer = wire.Issuer,
            Audiences = [.. wire.Audiences],
            Keys = field["keys"].Each(wire.Keys, Key),
            Fields = places == 0 ? [TokenRule.DefaultField] : field["headers"].Each(wire.Headers, Header),
            Parameters = places == 0 ? [TokenRule.DefaultParameter] : field["parameters"].Each(wire.Parameters, Text),
            Cookies = field["cookies"].Each(wire.Cookies, Text),
            PayloadField = wire.PayloadHeader.Length == 0 ? null : Output(wire.PayloadHeader, field["payload_header"]),
            ClaimFields = field["claim_headers"].Each(wire.ClaimHeaders, Claim),
            ForwardsToken = wire.ForwardsToken,
            ListClaims = [.. wire.ListClaims],
        };
    }

    private static TokenField Header(TokenHeader wire, Field field)
    {
        field["name"].Require(RequestFields.IsVisible(wire.Name) && !wire.Name.StartsWith(':'), $"'{wire.Name}' is no field of requests");
        return new TokenField(new HeaderName(wire.Name), new ByteText(wire.Prefix));
    }

    private static ByteText Text(string wire, Field field)
    {
        field.Require(wire.Length > 0, "it is empty");
        return new ByteText(wire);
    }

    private static ClaimField Claim(ClaimHeader wire, Field field)
    {
        field["path"].Require(wire.Path.Count > 0 && !wire.Path.Contains(""), "it names no claim");
        return new ClaimField(Output(wire.Name, field["name"]), [.. wire.Path]);
    }

    private static HeaderName Output(string wire, Field field)
    {
        field.Require(RequestFields.IsWritable(wire), $"'{wire}' is no field that may be written");
        return new HeaderName(wire);
    }

    private static TokenKey Key(Proto.TokenKey wire, Field field)
    {
        string? id = wire.Id.Length == 0 ? null : wire.Id;
        TokenAlgorithm? algorithm = null;
        if (wire.Algorithm.Length > 0)
        {
            field["algorithm"].Require(
                TokenAlgorithms.TryParse(wire.Algorithm, out TokenAlgorithm named), $"'{wire.Algorithm}' is not known here");
            algorithm = named;
        }

        TokenKey? key = wire.KeyCase switch
        {
            Proto.TokenKey.KeyOneofCase.Rsa => LibraryTokenKey.OfRsa(
                id, algorithm, wire.Rsa.Modulus.ToByteArray(), wire.Rsa.Exponent.ToByteArray()),
            Proto.TokenKey.KeyOneofCase.Curve => LibraryTokenKey.OfCurve(
                id, algorithm, wire.Curve.Name, wire.Curve.X.ToByteArray(), wire.Curve.Y.ToByteArray()),
            Proto.TokenKey.KeyOneofCase.Ed25519 => EdwardsTokenKey.Of(id, algorithm, wire.Ed25519.Span),
            _ => null,
        };
        return key ?? throw field.Refuse("it is no public key that is known here");
    }
}
