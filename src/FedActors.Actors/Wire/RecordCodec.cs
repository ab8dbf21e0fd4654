using System.Collections;
using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.Serialization;
using Google.Protobuf;

namespace FedActors.Actors.Wire;

/// <summary>
/// One record as a Protobuf message: what its constructor takes and what may be set beside it are the fields, numbered
/// by their place in a list that is only ever appended to. Nothing that is read names a type; a field that is missing,
/// of another kind or of no meaning refuses the whole message, one with an unknown number is skipped.
/// </summary>
internal sealed class RecordCodec
{
    private static readonly NullabilityInfoContext Nullability = new();

    private readonly ConstructorInfo _constructor;
    private readonly ImmutableArray<Field> _fields;

    /// <param name="names">Field 1, field 2, ...: every parameter of the constructor, and every property that is set
    /// beside it.</param>
    /// <param name="partOf">The codec of a record that stands within this one.</param>
    /// <exception cref="InvalidOperationException">A parameter or property has no number, or a name is no
    /// property.</exception>
    public RecordCodec(Type type, IReadOnlyList<string> names, Func<Type, ValueCodec> partOf)
    {
        Type = type;
        _constructor = type.GetConstructors().MaxBy(constructor => constructor.GetParameters().Length)!;
        var parameters = _constructor.GetParameters();
        // What overrides a base's property and is no parameter follows from the rest, as the session of a RoundOpen
        // does.
        var beside = type.GetProperties()
            .Where(property => property.CanWrite && property.GetMethod!.GetBaseDefinition() == property.GetMethod);
        var unnumbered = parameters.Select(parameter => parameter.Name!)
            .Concat(beside.Select(property => property.Name)).Distinct()
            .Where(name => !names.Contains(name)).ToArray();
        if (unnumbered.Length > 0)
            throw new InvalidOperationException(
                $"{type.Name} has no field number for {string.Join(", ", unnumbered)}: append it to its line "
                    + "in WireSchema.");
        _fields = [.. names.Select((name, index) => FieldOf(type, name, index + 1, parameters, partOf))];
    }

    public Type Type { get; }

    /// <summary>One line a field, for the golden file.</summary>
    public IEnumerable<string> Describe() => _fields.Select(field =>
        $"{Type.Name}.{field.Property.Name} = {field.Number} "
            + $"{field.Codec.Name}{(field.IsList ? " repeated" : field.IsOptional ? " optional" : "")}");

    public void Write(CodedOutputStream output, object record)
    {
        foreach (var field in _fields)
        {
            var value = field.Property.GetValue(record);
            if (field.IsList)
            {
                foreach (var item in (IEnumerable)value!)
                    field.Write(output, item!);
            }
            else if (value is not null)
            {
                field.Write(output, value);
            }
        }
    }

    /// <exception cref="SerializationException">A field is missing or of another kind.</exception>
    public object Read(CodedInputStream input)
    {
        var values = new object?[_fields.Length];
        while (input.ReadTag() is not 0 and var tag)
        {
            var number = WireFormat.GetTagFieldNumber(tag);
            if (number > _fields.Length)
            {
                input.SkipLastField();
                continue;
            }
            var field = _fields[number - 1];
            if (WireFormat.GetTagWireType(tag) != field.Codec.Kind)
                throw new SerializationException($"{Type.Name}.{field.Property.Name} is of another kind.");
            var value = field.Codec.Read(input);
            if (!field.IsList)
                values[number - 1] = value;
            else
                ((IList)(values[number - 1] ??= Activator.CreateInstance(typeof(List<>).MakeGenericType(field.Item))!))
                    .Add(value);
        }
        var arguments = new object?[_constructor.GetParameters().Length];
        for (var i = 0; i < _fields.Length; i++)
        {
            if (_fields[i].IsList)
                values[i] = _fields[i].ToArray(values[i]);
            else if (values[i] is null && !_fields[i].IsOptional)
                throw new SerializationException($"{Type.Name}.{_fields[i].Property.Name} is missing.");
            if (_fields[i].Parameter >= 0)
                arguments[_fields[i].Parameter] = values[i];
        }
        var record = _constructor.Invoke(BindingFlags.DoNotWrapExceptions, null, arguments, null);
        for (var i = 0; i < _fields.Length; i++)
        {
            if (_fields[i].Parameter < 0)
                _fields[i].Property.SetValue(record, values[i]);
        }
        return record;
    }

    /// <summary>The codec of this record where it stands within another.</summary>
    public ValueCodec AsValue() => new(
        Type.Name,
        WireFormat.WireType.LengthDelimited,
        (output, record) => output.WriteBytes(UnsafeByteOperations.UnsafeWrap(ToBytes(record))),
        input => Read(input.ReadBytes().CreateCodedInput()));

    public byte[] ToBytes(object record)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream, leaveOpen: true))
            Write(output, record);
        return stream.ToArray();
    }

    private static Field FieldOf(
        Type type, string name, int number, ParameterInfo[] parameters, Func<Type, ValueCodec> partOf)
    {
        var property = type.GetProperty(name)
            ?? throw new InvalidOperationException($"{type.Name} has no property {name}.");
        var declared = property.PropertyType;
        var isNullable = Nullable.GetUnderlyingType(declared) is not null
            || Nullability.Create(property).ReadState == NullabilityState.Nullable;
        var isList = declared.IsGenericType && declared.GetGenericTypeDefinition() == typeof(ImmutableArray<>)
            && ValueCodec.Of(declared) is null;
        var item = isList ? declared.GetGenericArguments()[0] : Nullable.GetUnderlyingType(declared) ?? declared;
        return new Field(
            number, property, Array.FindIndex(parameters, parameter => parameter.Name == name),
            ValueCodec.Of(item) ?? partOf(item), item,
            isList, isNullable);
    }

    private sealed record Field(
        int Number, PropertyInfo Property, int Parameter, ValueCodec Codec, Type Item, bool IsList, bool IsOptional)
    {
        private static readonly MethodInfo Freeze = typeof(ImmutableArray).GetMethods().Single(method =>
            method.Name == nameof(ImmutableArray.ToImmutableArray)
            && method.GetParameters() is [{ ParameterType: { IsGenericType: true } parameter }]
            && parameter.GetGenericTypeDefinition() == typeof(IEnumerable<>));

        public void Write(CodedOutputStream output, object value)
        {
            output.WriteTag(Number, Codec.Kind);
            Codec.Write(output, value);
        }

        public object ToArray(object? items) =>
            Freeze.MakeGenericMethod(Item).Invoke(null, [items ?? Array.CreateInstance(Item, 0)])!;
    }
}
