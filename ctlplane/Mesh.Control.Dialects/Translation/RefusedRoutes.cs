using System.Collections.Immutable;
using Mesh.Control.Dialects.GatewayApi;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Status;

namespace Mesh.Control.Dialects.Translation;

/// <summary>What a route is told whose present version is refused (reference C.5). Pure.</summary>
internal static class RefusedRoutes
{
    private const string Rules = "spec.rules[";

    /// <summary>
    /// Where only some of its rules are wrong and an earlier version is in force, that one is accepted, and what is wrong is told as
    /// PartiallyInvalid; otherwise it is not accepted.
    /// </summary>
    /// <param name="reading">Of the present version.</param>
    /// <param name="inForce">What the version in force is told; null where there is none.</param>
    public static ObjectStatus StatusOf(Reading reading, ObjectStatus? inForce)
    {
        ObjectStatus refused = RouteStatuses.OfRefused(
            reading.Source, ParentReader.ReadQuietly(reading.Source), reading.Diagnostics, HttpRouteFilterReader.Incompatible);
        if (inForce is null || !IsPartly(reading))
        {
            return refused;
        }

        Diagnostic first = reading.Diagnostics.First(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        var partly = new StatusCondition(
            ConditionTypes.PartiallyInvalid,
            IsTrue: true,
            ConditionReasons.UnsupportedValue,
            $"Fall Back: the version of generation {inForce.ObservedGeneration} holds. {first.Field}: {first.Reason}");
        return refused with
        {
            Parents =
            [
                .. refused.Parents.Select(parent => inForce.Parents.FirstOrDefault(known => known.Parent == parent.Parent) is { } known
                    ? known with
                    {
                        Conditions =
                        [
                            .. known.Conditions.Select(condition => condition with { ObservedGeneration = inForce.ObservedGeneration }),
                            partly,
                        ],
                    }
                    : parent),
            ],
        };
    }

    /// <summary>Whether all that is wrong is in rules, and not in every one of them.</summary>
    private static bool IsPartly(Reading reading)
    {
        ImmutableArray<string> fields =
        [
            .. reading.Diagnostics
                .Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)
                .Select(diagnostic => diagnostic.Field),
        ];
        if (!fields.All(field => field.StartsWith(Rules, StringComparison.Ordinal)))
        {
            return false;
        }

        int wrong = fields.Select(field => field[..(field.IndexOf(']', Rules.Length) + 1)]).Distinct(StringComparer.Ordinal).Count();
        return reading.Source.Fields.Find("spec") is RawMapping spec
            && spec.Find("rules") is RawSequence rules
            && wrong < rules.Items.Count;
    }
}
