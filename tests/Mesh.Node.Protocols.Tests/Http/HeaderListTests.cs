using System.Text;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Tests.Http;

/// <summary>Goal: editing a list keeps order, size and buffers right. Method: small lists, looked at as text.</summary>
public sealed class HeaderListTests
{
    [Fact]
    public void Removing_a_name_removes_every_field_of_it_and_keeps_the_others_in_order()
    {
        HeaderList list = Of("a: 1", "b: 2", "a: 3", "c: 4");

        Assert.True(list.Remove("a"u8));
        Assert.False(list.Remove("a"u8));

        Assert.Equal(["b: 2", "c: 4"], Text(list));
        Assert.Equal(4 + (2 * HeaderList.FieldOverheadBytes), list.ListBytes);
    }

    [Fact]
    public void Setting_a_name_leaves_one_field_of_it_in_the_first_ones_place()
    {
        HeaderList list = Of("a: 1", "b: 2", "a: 3", "c: 4");

        list.Set("a"u8, "long value"u8, neverIndex: true);
        list.Set("d"u8, "5"u8);

        Assert.Equal(["a: long value", "b: 2", "c: 4", "d: 5"], Text(list));
        Assert.True(list[0].NeverIndex);
        Assert.Equal(17 + (4 * HeaderList.FieldOverheadBytes), list.ListBytes);
    }

    [Fact]
    public void Setting_the_only_field_replaces_it()
    {
        HeaderList list = Of("a: 1");

        list.Set("a"u8, "2"u8);

        Assert.Equal(["a: 2"], Text(list));
    }

    [Theory]
    [InlineData(0, "b: 2,c: 3")]
    [InlineData(1, "a: 1,c: 3")]
    [InlineData(2, "a: 1,b: 2")]
    public void Removing_at_an_index_closes_the_gap(int index, string expected)
    {
        HeaderList list = Of("a: 1", "b: 2", "c: 3");

        list.RemoveAt(index);

        Assert.Equal(expected, string.Join(',', Text(list)));
        Assert.Throws<ArgumentOutOfRangeException>(() => list.RemoveAt(2));
    }

    [Fact]
    public void A_copy_has_the_same_fields_and_does_not_change_with_the_original()
    {
        HeaderList list = Of([.. Enumerable.Range(0, 100).Select(i => $"name-{i}: {new string('v', i)}")]);
        list.Remove("name-7"u8);
        HeaderList copy = Of("old: fields");

        copy.CopyFrom(list);
        string[] expected = Text(list);
        int expectedBytes = list.ListBytes;
        list.Clear();
        list.Add("x"u8, "overwritten"u8);

        Assert.Equal(expected, Text(copy));
        Assert.Equal(expectedBytes, copy.ListBytes);
    }

    [Fact]
    public void A_value_of_the_list_can_be_set_under_another_name_while_the_buffer_grows()
    {
        HeaderList list = Of($"a: {new string('x', 1_000)}");

        for (int i = 0; i < 10; i++)
        {
            list.Set("b"u8, list[0].Value);
        }

        Assert.Equal([$"a: {new string('x', 1_000)}", $"b: {new string('x', 1_000)}"], Text(list));
    }

    internal static HeaderList Of(params string[] fields)
    {
        var list = new HeaderList();
        foreach (string field in fields)
        {
            int colon = field.IndexOf(": ", StringComparison.Ordinal);
            list.Add(Encoding.Latin1.GetBytes(field[..colon]), Encoding.Latin1.GetBytes(field[(colon + 2)..]));
        }

        return list;
    }

    internal static string[] Text(HeaderList list)
    {
        string[] lines = new string[list.Count];
        for (int i = 0; i < list.Count; i++)
        {
            lines[i] = $"{Encoding.Latin1.GetString(list[i].Name)}: {Encoding.Latin1.GetString(list[i].Value)}";
        }

        return lines;
    }
}
