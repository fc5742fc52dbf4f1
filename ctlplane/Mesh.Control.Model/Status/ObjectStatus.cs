using System.Collections.Immutable;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Model.Status;

/// <summary>
/// What an object is to be told of itself: for each parent that is this mesh's, the conditions of its attachment. Parents of other
/// controllers are not in it and are to be left alone; an entry of ours that is not in it is to be removed.
/// </summary>
/// <param name="Object">Whose.</param>
/// <param name="ObservedGeneration">
/// <c>metadata.generation</c> of the version it is of; 0 where the source does not say. Every condition carries it, or the
/// generation of the earlier version that it is about.
/// </param>
/// <param name="Parents">Of a route <c>status.parents</c>, of a policy <c>status.ancestors</c>; in the order they are written in.</param>
public sealed record ObjectStatus(ObjectKey Object, long ObservedGeneration, ImmutableArray<ParentStatus> Parents)
{
    /// <summary>Whose entries ours are: <c>controllerName</c> of each.</summary>
    public const string ControllerName = "mesh-node.io/mesh-controller";
}

/// <param name="Parent">As the object names it.</param>
/// <param name="Conditions">Each type once.</param>
public sealed record ParentStatus(ParentReference Parent, ImmutableArray<StatusCondition> Conditions);

/// <summary>A <c>parentRef</c> as it is written: what is left out there is null here, so that the entry is found again.</summary>
public sealed record ParentReference(string? Group, string? Kind, string? Namespace, string Name, string? SectionName, int? Port);

/// <param name="Type">Of <see cref="ConditionTypes"/>.</param>
/// <param name="IsTrue">Its status: True or False.</param>
/// <param name="Reason">Of <see cref="ConditionReasons"/>.</param>
/// <param name="Message">For people; may be empty.</param>
public sealed record StatusCondition(string Type, bool IsTrue, string Reason, string Message)
{
    /// <summary>Of the version that it is about, where that is an earlier one than the status is of.</summary>
    public long? ObservedGeneration { get; init; }
}
